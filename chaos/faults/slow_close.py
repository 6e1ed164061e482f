"""`slow-close`: connections that linger."""

from __future__ import annotations

from typing import ClassVar

from chaos.faults.shared import limits
from chaos.faults.shared.link import LinkFault, Stream
from chaos.units import Duration, Ratio


class SlowClose(LinkFault):
    """The end of a connection arrives later by `delay`."""

    kind: ClassVar[str] = "slow-close"
    example: ClassVar[str] = "slow-close: {link: web -> cache, delay: 500ms, for: 30s}"

    delay: Duration
    toxicity: Ratio = Ratio(1)
    stream: Stream = "downstream"

    def __post_init__(self) -> None:
        limits.delay("delay", self.delay)
        limits.toxicity(self.toxicity)
