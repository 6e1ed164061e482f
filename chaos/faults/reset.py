"""`reset`: connections that break."""

from __future__ import annotations

from typing import ClassVar

from chaos.faults.shared import limits
from chaos.faults.shared.link import LinkFault, Stream
from chaos.units import Duration, Ratio


class Reset(LinkFault):
    """Connections are broken off by a TCP reset, at once or `after` so long."""

    kind: ClassVar[str] = "reset"
    example: ClassVar[str] = "reset: {link: web -> cache, for: 30s}"

    after: Duration = Duration(0)
    toxicity: Ratio = Ratio(1)
    stream: Stream = "downstream"

    def __post_init__(self) -> None:
        limits.delay("after", self.after, least=Duration(0))
        limits.toxicity(self.toxicity)
