"""`reset`: connections that break."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from chaos.faults.shared import limits
from chaos.faults.shared.link import LinkFault, name
from chaos.model.fault import Evidence
from chaos.proxy.values import Stream, ToxicSpec
from chaos.units import Duration, Ratio

if TYPE_CHECKING:
    from chaos.proxy.confirm import Confirmation


class Reset(LinkFault):
    """Connections are broken off by a TCP reset, at once or `after` so long."""

    kind: ClassVar[str] = "reset"
    example: ClassVar[str] = "reset: {link: web -> cache, for: 30s}"

    after: Duration = Duration(0)  # a connection lives so long
    toxicity: Ratio = Ratio(1)  # the share of connections that it meets
    stream: Stream = "downstream"  # which way: upstream is from the one that dials, downstream the way back

    def __post_init__(self) -> None:
        limits.delay("after", self.after, least=Duration(0))
        limits.toxicity(self.toxicity)

    def toxics(self, where: str) -> tuple[ToxicSpec, ...]:
        return (
            ToxicSpec(
                name=name(self.kind),
                type="reset_peer",
                stream=self.stream,
                toxicity=float(self.toxicity),
                attributes={"timeout": round(self.after.ms)},
            ),
        )

    def evidence(self, found: Confirmation) -> Evidence:
        return Evidence(confirmed=True, text=f"{found.bitten} of {found.total} round trips were reset")
