"""`surge`: the sale itself."""

from __future__ import annotations

import math
import time
from typing import Any, ClassVar, Self

from chaos.errors import RevertFailed, Unavailable
from chaos.faults.shared.lease import Holder
from chaos.model.base import Noun, from_plain, to_plain
from chaos.model.fault import ActsOn, Evidence, Undo
from chaos.model.platform import TrafficShaper

# More than this is a slip of the finger: the target's rates are those of a real shop already.
TIMES_MAX = 100.0

# Arrivals are counted for at least this long.
COUNT_S = 1.0
# A surge that cannot be told from no surge in this long is not confirmed: 1.5 times at 25 customers a second takes 8 s.
COUNT_S_MAX = 10.0
# A Poisson count of mean m lies within m +- 3.3 sqrt(m) but for 1 time in 1,000 (normal approximation).
SIGMAS = 3.3


class Surge(Noun):
    """So many `times` as many customers arrive."""

    kind: ClassVar[str] = "surge"
    needs: ClassVar[type] = TrafficShaper
    acts_on: ClassVar[ActsOn] = "traffic"
    example: ClassVar[str] = "surge: {times: 4, for: 60s}"

    times: float  # the multiple of the rate

    def __post_init__(self) -> None:
        if not 0 < self.times <= TIMES_MAX:
            raise ValueError(f"times is {self.times:g}; it must be above 0 and at most {TIMES_MAX:g}")
        if self.times == 1:
            raise ValueError("times is 1, which changes nothing")

    def prepare(self, where: str, platform: TrafficShaper) -> Undo:
        """Raises: Unavailable when the traffic is gone."""
        from chaos.load.control import get_multiplier

        control = platform.traffic_control()
        before = get_multiplier(control)
        if before is None:
            raise Unavailable("the traffic generator is gone; there is nothing to multiply")
        crowd = Rush(control=control, before=before, after=before * self.times)
        return Undo(kind=self.kind, where=where, data=to_plain(crowd))

    def inject(self, undo: Undo, platform: TrafficShaper) -> None:
        from chaos.load.control import set_multiplier

        rush = Rush.of(undo)
        set_multiplier(rush.control, rush.after, lease=undo.lease)

    def confirm(self, undo: Undo, platform: TrafficShaper) -> Evidence:
        """Customers are counted as they arrive, and are as many as that multiplier means, give or take their chance."""
        from chaos.load.control import get_arrivals

        rush = Rush.of(undo)
        counts = get_arrivals(rush.control)
        began_s = time.monotonic()
        if counts is None:
            return Evidence(confirmed=False, text="the traffic generator is gone")
        first, per_s = counts
        wanted_per_s, usual_per_s = per_s * rush.after, per_s * rush.before
        time.sleep(count_s(usual_per_s, wanted_per_s))
        counts = get_arrivals(rush.control)
        took_s = time.monotonic() - began_s
        if counts is None:
            return Evidence(confirmed=False, text="the traffic generator ended")
        came = counts[0] - first
        text = f"{came / took_s:.0f} arrivals/s of {wanted_per_s:.0f}/s (before: {usual_per_s:.0f}/s)"
        if fits(came, usual_per_s * took_s):
            text += f", which {took_s:.0f} s cannot tell from no surge"
        return Evidence(
            confirmed=fits(came, wanted_per_s * took_s) and not fits(came, usual_per_s * took_s),
            text=text,
            measured=came / took_s,
            intended=wanted_per_s,
            unit="1/s",
        )

    @staticmethod
    def holder(undo: Undo) -> Holder | None:
        return Holder(kind="traffic generator", reach=Rush.of(undo).control)

    @staticmethod
    def revert(undo: Undo) -> None:
        """The multiplier of before. A generator that is gone sends nobody."""
        from chaos.load.control import get_multiplier, set_multiplier

        rush = Rush.of(undo)
        try:
            if get_multiplier(rush.control) is None:
                return
            set_multiplier(rush.control, rush.before)
        except (Unavailable, ValueError) as cause:
            if not rush.here():
                return  # it ended in between
            raise RevertFailed(
                f"surge: the traffic may still be {rush.after:g} times the usual: {cause}. "
                "End the run that sends it; its generator ends with it"
            ) from cause

    @staticmethod
    def is_present(undo: Undo) -> bool:
        from chaos.load.control import get_multiplier

        rush = Rush.of(undo)
        now = get_multiplier(rush.control)
        return now is not None and not math.isclose(now, rush.before)


def fits(came: int, due: float) -> bool:
    """Are so many arrivals what chance makes of so many that were due?"""
    return abs(came - due) <= SIGMAS * math.sqrt(due) + 1


def count_s(before_per_s: float, after_per_s: float) -> float:
    """For how many seconds to count, so that what fits the one rate does not fit the other.

    The two ranges part where |after - before| T >= SIGMAS (sqrt(before T) + sqrt(after T)) + 2. Rates are in customers
    a second.
    """
    # With x = sqrt(T): |after - before| x^2 - SIGMAS (sqrt(before) + sqrt(after)) x - 2 = 0.
    apart = abs(after_per_s - before_per_s)
    if not apart:
        return COUNT_S_MAX
    b = SIGMAS * (math.sqrt(before_per_s) + math.sqrt(after_per_s))
    x = (b + math.sqrt(b * b + 8 * apart)) / (2 * apart)
    return min(COUNT_S_MAX, max(COUNT_S, x * x))


class Rush(Noun):
    """The data of the undo record: how the generator is reached, and the multiplier before and during."""

    control: dict[str, Any]
    before: float
    after: float

    @classmethod
    def of(cls, undo: Undo) -> Self:
        return from_plain(undo.data, cls)

    def here(self) -> bool:
        """Is there still a generator? One that does not answer is."""
        from chaos.load.control import get_multiplier

        try:
            return get_multiplier(self.control) is not None
        except Unavailable:
            return True
