"""`slow-close`: connections that linger."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from chaos.faults.shared import limits
from chaos.faults.shared.link import LinkFault, name
from chaos.model.fault import Evidence
from chaos.proxy.values import Stream, ToxicSpec
from chaos.units import Duration, Ratio

if TYPE_CHECKING:
    from chaos.proxy.confirm import Confirmation


class SlowClose(LinkFault):
    """The end of a connection arrives later by `delay`."""

    kind: ClassVar[str] = "slow-close"
    example: ClassVar[str] = "slow-close: {link: web -> cache, delay: 500ms, for: 30s}"

    delay: Duration  # so much later
    toxicity: Ratio = Ratio(1)  # the share of connections that it meets
    stream: Stream = "downstream"  # which way: upstream is from the one that dials, downstream the way back

    def __post_init__(self) -> None:
        limits.delay("delay", self.delay)
        limits.toxicity(self.toxicity)

    def toxics(self, where: str) -> tuple[ToxicSpec, ...]:
        return (
            ToxicSpec(
                name=name(self.kind),
                type="slow_close",
                stream=self.stream,
                toxicity=float(self.toxicity),
                attributes={"delay": round(self.delay.ms)},
            ),
        )

    def evidence(self, found: Confirmation) -> Evidence:
        return Evidence(
            confirmed=True,
            text=f"{found.bitten} of {found.total} closed late: {found.later()} of {self.delay.ms:g} ms",
            measured=found.shift,
            intended=self.delay.ms,
            unit="ms",
            low=found.low,
            high=found.high,
            samples=found.total,
        )
