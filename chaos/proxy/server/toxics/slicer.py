"""slicer: data goes in pieces of about `average_size` bytes, `delay` microseconds apart."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from time import monotonic

from chaos.proxy.server.stage import Holding


@dataclass(frozen=True, kw_only=True, slots=True)
class Slicer:
    """Bytes, and microseconds."""

    average_size: int = 0
    size_variation: int = 0
    delay: int = 0

    def problem(self) -> str | None:
        # Each of these makes Toxiproxy recurse for ever, or cut outside the chunk.
        if self.average_size < 1:
            return f"slicer average_size must be 1 or more, got {self.average_size}"
        if not 0 <= self.size_variation < self.average_size:
            return (
                f"slicer size_variation must be at least 0 and less than average_size {self.average_size}, "
                f"got {self.size_variation}"
            )
        return None


class SlicerStage(Holding[Slicer]):
    """Cuts about in the middle until the pieces are small enough (Toxiproxy's `slicer.go`)."""

    one_a_turn = True
    _free_at = 0.0

    def on_data(self, data: bytes, read_at: float) -> None:
        at = max(self._free_at, monotonic())
        for start, end in self._cuts(0, len(data)):
            self.hold(data[start:end], at, read_at, last=end == len(data))
            at += max(0, self.attributes.delay) / 1_000_000
        self._free_at = at

    def on_retune(self) -> None:
        self._free_at = 0.0
        super().on_retune()

    def _cuts(self, start: int, end: int) -> Iterator[tuple[int, int]]:
        variation = self.attributes.size_variation
        if end - start - self.attributes.average_size <= variation:
            yield start, end
            return
        middle = start + (end - start) // 2
        if variation > 0:
            middle += self.chance.randrange(-variation, variation)
        yield from self._cuts(start, middle)
        yield from self._cuts(middle, end)
