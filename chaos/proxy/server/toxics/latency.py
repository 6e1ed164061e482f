"""latency: each chunk passes `latency` ± `jitter` milliseconds after it was read. A bare close is not delayed."""

from __future__ import annotations

from dataclasses import dataclass

from chaos.proxy.server.stage import Holding

# Toxiproxy holds 1,024 chunks of at most 32 KiB, 32 MiB a direction. Half of that still passes 53 MB/s at 300 ms.
HOLD_BYTES = 16 * 1024 * 1024


@dataclass(frozen=True, kw_only=True, slots=True)
class Latency:
    """Milliseconds."""

    latency: int = 0
    jitter: int = 0

    def problem(self) -> str | None:
        return None


class LatencyStage(Holding[Latency]):
    """Delay = L + uniform[-J, J-1], from the time the bytes were read (Toxiproxy's `toxic_latency.go`)."""

    moves_read_at = True

    def on_data(self, data: bytes, read_at: float) -> None:
        delay_ms = self.attributes.latency
        jitter_ms = self.attributes.jitter
        if jitter_ms > 0:
            delay_ms += self.chance.randrange(-jitter_ms, jitter_ms)
        due = read_at + max(0, delay_ms) / 1000
        # Jitter never changes the order of a stream.
        self.hold(data, max(due, self.queue[-1].due) if self.queue else due, read_at)

    def hold_limit_bytes(self) -> int:
        return HOLD_BYTES
