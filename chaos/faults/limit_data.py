"""`limit-data`: connections that are cut short."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from chaos.faults.shared import limits
from chaos.faults.shared.link import LinkFault, name
from chaos.model.fault import Evidence
from chaos.proxy.values import Stream, ToxicSpec
from chaos.units import Bytes, Ratio

if TYPE_CHECKING:
    from chaos.proxy.confirm import Confirmation


class LimitData(LinkFault):
    """Each connection is closed once it has carried so many `bytes`."""

    kind: ClassVar[str] = "limit-data"
    example: ClassVar[str] = "limit-data: {link: web -> cache, bytes: 1KB, for: 30s}"

    bytes: Bytes  # a connection is closed after so many
    toxicity: Ratio = Ratio(1)  # the share of connections that it meets
    stream: Stream = "downstream"  # which way: upstream is from the one that dials, downstream the way back

    def __post_init__(self) -> None:
        limits.size("bytes", self.bytes)
        limits.toxicity(self.toxicity)

    def toxics(self, where: str) -> tuple[ToxicSpec, ...]:
        return (
            ToxicSpec(
                name=name(self.kind),
                type="limit_data",
                stream=self.stream,
                toxicity=float(self.toxicity),
                attributes={"bytes": int(self.bytes)},
            ),
        )

    def evidence(self, found: Confirmation) -> Evidence:
        # What we sent is not what arrived: only downstream is the cut seen to the byte.
        seen = self.stream == "downstream" and found.during is not None
        after = f", after {found.during:.0f} B of {self.bytes}" if seen else ""
        return Evidence(
            confirmed=True,
            text=f"{found.bitten} of {found.total} connections were cut{after}",
            measured=found.during if seen else None,
            intended=float(self.bytes),
            unit="bytes",
        )
