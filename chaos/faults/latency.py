"""`latency`: a slow link."""

from __future__ import annotations

from typing import ClassVar

from chaos.faults.shared import limits
from chaos.faults.shared.link import LinkFault, Stream
from chaos.units import Duration, Ratio


class Latency(LinkFault):
    """Everything that crosses the link arrives later by `delay`, give or take `jitter`."""

    kind: ClassVar[str] = "latency"
    example: ClassVar[str] = "latency: {link: web -> db, delay: 300ms, jitter: 50ms, for: 60s}"

    delay: Duration
    jitter: Duration = Duration(0)
    toxicity: Ratio = Ratio(1)
    stream: Stream = "downstream"

    def __post_init__(self) -> None:
        limits.delay("delay", self.delay)
        if self.jitter < 0 or self.jitter > self.delay:
            raise ValueError(f"jitter is {self.jitter}; it must not be more than the delay, {self.delay}")
        limits.toxicity(self.toxicity)
