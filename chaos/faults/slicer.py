"""`slicer`: answers in crumbs."""

from __future__ import annotations

from typing import ClassVar

from chaos.faults.shared import limits
from chaos.faults.shared.link import LinkFault, Stream
from chaos.units import Bytes, Duration, Ratio


class Slicer(LinkFault):
    """Data is cut into pieces of about `size`, give or take `variation`, with `delay` after each."""

    kind: ClassVar[str] = "slicer"
    example: ClassVar[str] = "slicer: {link: web -> cache, size: 64B, variation: 16B, delay: 10ms, for: 30s}"

    size: Bytes
    delay: Duration
    variation: Bytes | None = None  # a quarter of `size`
    toxicity: Ratio = Ratio(1)
    stream: Stream = "downstream"

    def __post_init__(self) -> None:
        # Toxiproxy's own default, a variation of 0, crashes its server: rand.Intn(0).
        limits.size("size", self.size, least=Bytes(4))
        limits.size("variation", self.spread)
        if self.spread >= self.size:
            raise ValueError(f"variation is {self.spread}; it must be less than the size, {self.size}")
        limits.delay("delay", self.delay)
        limits.toxicity(self.toxicity)

    @property
    def spread(self) -> Bytes:
        """The variation, or its default."""
        return Bytes(int(self.size / 4)) if self.variation is None else self.variation
