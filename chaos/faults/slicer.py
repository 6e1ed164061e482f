"""`slicer`: answers in crumbs."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from chaos.faults.shared import limits
from chaos.faults.shared.link import LinkFault, name
from chaos.model.fault import Evidence
from chaos.proxy.values import Stream, ToxicSpec
from chaos.units import Bytes, Duration, Ratio

if TYPE_CHECKING:
    from chaos.proxy.confirm import Confirmation


class Slicer(LinkFault):
    """Data is cut into pieces of about `size`, give or take `variation`, with `delay` after each."""

    kind: ClassVar[str] = "slicer"
    example: ClassVar[str] = "slicer: {link: web -> cache, size: 64B, variation: 16B, delay: 10ms, for: 30s}"

    size: Bytes  # of a piece
    delay: Duration  # after each piece
    variation: Bytes | None = None  # a quarter of `size`
    toxicity: Ratio = Ratio(1)  # the share of connections that it meets
    stream: Stream = "downstream"  # which way: upstream is from the one that dials, downstream the way back

    def __post_init__(self) -> None:
        # Toxiproxy's own default, a variation of 0, crashes its server: rand.Intn(0).
        limits.size("size", self.size, least=Bytes(4))
        limits.size("variation", self.spread_bytes)
        if self.spread_bytes >= self.size:
            raise ValueError(f"variation is {self.spread_bytes}; it must be less than the size, {self.size}")
        limits.delay("delay", self.delay)
        limits.toxicity(self.toxicity)

    @property
    def spread_bytes(self) -> Bytes:
        """The variation, or its default."""
        return Bytes(int(self.size / 4)) if self.variation is None else self.variation

    def toxics(self, where: str) -> tuple[ToxicSpec, ...]:
        return (
            ToxicSpec(
                name=name(self.kind),
                type="slicer",
                stream=self.stream,
                toxicity=float(self.toxicity),
                attributes={
                    "average_size": int(self.size),
                    "size_variation": int(self.spread_bytes),
                    "delay": round(self.delay * 1e6),
                },
            ),
        )

    def connections(self) -> int:
        # One long exchange shows the slices as well as several, and is done sooner.
        return 1 if self.toxicity >= 1 else LinkFault.connections(self)

    def evidence(self, found: Confirmation) -> Evidence:
        took = "" if found.during is None else f": {found.during:.0f} ms, before {found.before:.0f} ms"
        return Evidence(
            confirmed=True,
            text=f"{found.bitten} of {found.total} answers in slices{took}",
            measured=found.during,
            unit="ms",
        )
