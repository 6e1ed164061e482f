"""`limit-data`: connections that are cut short."""

from __future__ import annotations

from typing import ClassVar

from chaos.faults.shared import limits
from chaos.faults.shared.link import LinkFault, Stream
from chaos.units import Bytes, Ratio


class LimitData(LinkFault):
    """Each connection is closed once it has carried so many `bytes`."""

    kind: ClassVar[str] = "limit-data"
    example: ClassVar[str] = "limit-data: {link: web -> cache, bytes: 1KB, for: 30s}"

    bytes: Bytes
    toxicity: Ratio = Ratio(1)
    stream: Stream = "downstream"

    def __post_init__(self) -> None:
        limits.size("bytes", self.bytes)
        limits.toxicity(self.toxicity)
