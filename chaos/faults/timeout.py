"""`timeout`: a black hole."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from chaos.faults.shared import limits
from chaos.faults.shared.link import LinkFault, name
from chaos.model.fault import Evidence
from chaos.proxy.values import Stream, ToxicSpec
from chaos.units import Duration, Ratio

if TYPE_CHECKING:
    from chaos.proxy.confirm import Confirmation


class Timeout(LinkFault):
    """Connections open and nothing comes back; with `after` they are closed after so long."""

    kind: ClassVar[str] = "timeout"
    example: ClassVar[str] = "timeout: {link: web -> payments, for: 30s}"

    after: Duration | None = None  # a connection is closed after so long; left out, it stays open
    toxicity: Ratio = Ratio(1)  # the share of connections that it meets
    stream: Stream = "downstream"  # which way: upstream is from the one that dials, downstream the way back

    def __post_init__(self) -> None:
        if self.after is not None:
            limits.delay("after", self.after)
        limits.toxicity(self.toxicity)

    def toxics(self, where: str) -> tuple[ToxicSpec, ...]:
        return (
            ToxicSpec(
                name=name(self.kind),
                type="timeout",
                stream=self.stream,
                toxicity=float(self.toxicity),
                attributes={"timeout": 0 if self.after is None else round(self.after.ms)},
            ),
        )

    def evidence(self, found: Confirmation) -> Evidence:
        return Evidence(confirmed=True, text=f"{found.bitten} of {found.total} round trips got no answer")
