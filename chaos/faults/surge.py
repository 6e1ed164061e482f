"""`surge`: the sale itself."""

from __future__ import annotations

from typing import ClassVar

from chaos.model.base import Noun
from chaos.model.fault import ActsOn
from chaos.model.platform import TrafficShaper

# More than this is a slip of the finger: the planner's rates are sale-sized already.
TIMES_MAX = 100.0


class Surge(Noun):
    """So many `times` as many customers arrive."""

    kind: ClassVar[str] = "surge"
    needs: ClassVar[type] = TrafficShaper
    acts_on: ClassVar[ActsOn] = "traffic"
    example: ClassVar[str] = "surge: {times: 4, for: 60s}"

    times: float

    def __post_init__(self) -> None:
        if not 0 < self.times <= TIMES_MAX:
            raise ValueError(f"times is {self.times:g}; it must be above 0 and at most {TIMES_MAX:g}")
        if self.times == 1:
            raise ValueError("times is 1, which changes nothing")
