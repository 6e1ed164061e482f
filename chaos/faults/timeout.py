"""`timeout`: a black hole."""

from __future__ import annotations

from typing import ClassVar

from chaos.faults.shared import limits
from chaos.faults.shared.link import LinkFault, Stream
from chaos.units import Duration, Ratio


class Timeout(LinkFault):
    """Connections open and nothing comes back; with `after` they are closed after so long."""

    kind: ClassVar[str] = "timeout"
    example: ClassVar[str] = "timeout: {link: web -> payments, for: 30s}"

    after: Duration | None = None
    toxicity: Ratio = Ratio(1)
    stream: Stream = "downstream"

    def __post_init__(self) -> None:
        if self.after is not None:
            limits.delay("after", self.after)
        limits.toxicity(self.toxicity)
