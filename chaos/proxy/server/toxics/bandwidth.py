"""bandwidth: data passes at `rate` KB/s. A rate of 0 holds everything back until the toxic is changed or removed."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from time import monotonic

from chaos.proxy.server.stage import HOLD_BYTES, Holding

# Toxiproxy sends a slow chunk in pieces, one every 100 ms.
PIECE_S = 0.1
MOST_HELD_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True, kw_only=True, slots=True)
class Bandwidth:
    """KB/s, where a KB is 1,000 bytes."""

    rate: int = 0

    def problem(self) -> str | None:
        # Toxiproxy slices with it and panics.
        return f"bandwidth rate must be 0 or more, got {self.rate}" if self.rate < 0 else None


class BandwidthStage(Holding[Bandwidth]):
    """Each piece takes `bytes / rate`, one after the other, on an absolute schedule: no drift, no credit for idling."""

    _free_at = 0.0

    def on_data(self, data: bytes, read_at: float) -> None:
        bytes_per_s = self.attributes.rate * 1000
        if bytes_per_s == 0:
            self.hold(data, inf, read_at)
            return
        at = max(self._free_at, monotonic())
        piece_bytes = int(bytes_per_s * PIECE_S)
        for start in range(0, len(data), piece_bytes):
            piece = data[start : start + piece_bytes]
            at += len(piece) / bytes_per_s
            self.hold(piece, at, read_at, last=start + piece_bytes >= len(data))
        self._free_at = at

    def on_retune(self) -> None:
        self._free_at = 0.0
        super().on_retune()

    def hold_limit_bytes(self) -> int:
        # A tenth of a second's worth, so that a fast link always has something to send at the next tick.
        return min(MOST_HELD_BYTES, max(HOLD_BYTES, self.attributes.rate * 100))
