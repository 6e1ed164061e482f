"""`bandwidth`: a narrow link."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from chaos.faults.shared import limits
from chaos.faults.shared.link import LinkFault, name
from chaos.model.fault import Evidence
from chaos.proxy.values import Stream, ToxicSpec
from chaos.units import Bytes, Ratio

if TYPE_CHECKING:
    from chaos.proxy.confirm import Confirmation


class Bandwidth(LinkFault):
    """Each connection of the link carries at most `per-second` bytes a second."""

    kind: ClassVar[str] = "bandwidth"
    example: ClassVar[str] = "bandwidth: {link: web -> db, per-second: 20KB, for: 60s}"

    per_second: Bytes  # the most that a connection carries in a second
    toxicity: Ratio = Ratio(1)  # the share of connections that it meets
    stream: Stream = "downstream"  # which way: upstream is from the one that dials, downstream the way back

    def __post_init__(self) -> None:
        # Toxiproxy counts whole KB (1,000 bytes) a second; a negative rate crashes it, and 0 lets nothing through.
        limits.size("per-second", self.per_second, least=Bytes(1000))
        if self.per_second % 1000:
            raise ValueError(f"per-second is {self.per_second}; the proxy counts whole KB a second")
        limits.toxicity(self.toxicity)

    def toxics(self, where: str) -> tuple[ToxicSpec, ...]:
        return (
            ToxicSpec(
                name=name(self.kind),
                type="bandwidth",
                stream=self.stream,
                toxicity=float(self.toxicity),
                attributes={"rate": round(self.per_second / 1000)},
            ),
        )

    def connections(self) -> int:
        # One long exchange shows the rate as well as several, and is done sooner.
        return 1 if self.toxicity >= 1 else LinkFault.connections(self)

    def evidence(self, found: Confirmation) -> Evidence:
        return Evidence(
            confirmed=True,
            text=f"{found.during:.3g} KB/s of {self.per_second / 1000:g} KB/s (before: {found.before:.3g} KB/s)",
            measured=found.during,
            intended=self.per_second / 1000,
            unit="KB/s",
        )
