"""`partition`: a cut network."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from chaos.faults.shared.link import LinkFault, name
from chaos.model.fault import ANSWERS, ActsOn, Evidence
from chaos.proxy.values import Stream, ToxicSpec

if TYPE_CHECKING:
    from chaos.proxy.confirm import Confirmation


class Partition(LinkFault):
    """Two groups of services cannot reach each other; `one-way`: only what the first group sends is lost."""

    kind: ClassVar[str] = "partition"
    acts_on: ClassVar[ActsOn] = "groups"
    seen_as: ClassVar[str] = "timeout"
    example: ClassVar[str] = "partition: {between: [[web], [db, replica]], for: 20s}"

    direction: Literal["both", "one-way"] = "both"  # both ways, or only what the first group sends

    @staticmethod
    def proxy_name(where: str) -> str:
        return where.removesuffix(ANSWERS)

    def toxics(self, where: str) -> tuple[ToxicSpec, ...]:
        if self.direction == "both":
            return (_lost("upstream"), _lost("downstream"))
        return (_lost("downstream" if where.endswith(ANSWERS) else "upstream"),)

    def evidence(self, found: Confirmation) -> Evidence:
        return Evidence(confirmed=True, text=f"{found.bitten} of {found.total} round trips got no answer")


def _lost(stream: Stream) -> ToxicSpec:
    """Everything is swallowed one way, and connections stay open, as when packets are lost."""
    return ToxicSpec(
        name=name("partition", "-" + stream), type="timeout", stream=stream, toxicity=1.0, attributes={"timeout": 0}
    )
