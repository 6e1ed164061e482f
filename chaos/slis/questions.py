"""What a Prometheus server is asked for counters: the two of a ratio, or a histogram's buckets at a threshold."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Protocol

from chaos.errors import Unavailable
from chaos.model.promql import bucket_selector
from chaos.model.words import seconds
from chaos.slis.counters import Grown, Pair, spelt
from chaos.slis.pace import Pace
from chaos.slis.prometheus_api import PrometheusApi, Series

INFINITE = ("+Inf",)
# What counts as now, of a rate.
LATELY_S = 60.0


class Question(Protocol):
    """`name` is whose samples its answers are: the SLI's, or one sentence's. `note` is for people. `per_s` is how much
    the total grew a second at the first look; None while there was one scrape only."""

    name: str
    note: str
    per_s: float | None

    def ask(self, api: PrometheusApi, pace: Pace, back_s: float) -> list[Grown]:
        """What is new in the last so many seconds. Raises: Unavailable."""


class Ratio:
    """`good` and `total`."""

    def __init__(self, name: str, good: str, total: str) -> None:
        self.name, self.note = name, ""
        self.per_s: float | None = None
        self._good, self._total, self._pair = good, total, Pair()

    def ask(self, api: PrometheusApi, pace: Pace, back_s: float) -> list[Grown]:
        """Raises: Unavailable."""
        # In this order: whatever scrape is in the first answer is in the second one too.
        total, good = raw(api, self._total, back_s), raw(api, self._good, back_s)
        if not total and pace.newest_s is None:
            raise Unavailable(f"finds no series of `{self._total}` in the last {seconds(back_s)}")
        if pace.newest_s is None:
            self.per_s = per_s(total)
        pace.saw((*total, *good))
        self._pair.total.add(total)
        self._pair.good.add(good)
        return self._pair.take()


class Buckets:
    """A histogram at one sentence's threshold."""

    def __init__(self, name: str, histogram: str, threshold_s: float) -> None:
        self.name, self.note = name, ""
        self.per_s: float | None = None
        self._histogram, self._threshold_s, self._pair = histogram, threshold_s, Pair()
        self._ends: tuple[str, ...] = ()  # the good bucket's, as the instances spell it

    def ask(self, api: PrometheusApi, pace: Pace, back_s: float) -> list[Grown]:
        """Raises: Unavailable."""
        if not self._ends:
            self._ends = self._choose(api, back_s)
        series = raw(api, bucket_selector(self._histogram, (*self._ends, *INFINITE)), back_s)
        total = [_without_end(one) for one in series if one.labels.get("le") in INFINITE]
        if pace.newest_s is None:
            self.per_s = per_s(total)
        pace.saw(series)
        good = [_without_end(one) for one in series if one.labels.get("le") not in INFINITE]
        missing = {frozenset(one.labels.items()) for one in total} - {frozenset(one.labels.items()) for one in good}
        if missing:
            other = spelt(dict(min(missing, key=sorted)))
            raise Unavailable(f"{other} has other buckets than the rest: none ends at {' or '.join(self._ends)} s")
        self._pair.total.add(total)
        self._pair.good.add(good)
        return self._pair.take()

    def _choose(self, api: PrometheusApi, back_s: float) -> tuple[str, ...]:
        """The largest bound that is not above the threshold: what lies between them is counted as slow."""
        buckets = bucket_selector(self._histogram, ())
        answer = api.instant(f"group by (le) (last_over_time({buckets}[{round(back_s)}s]))")
        ends = {one.labels["le"]: float(one.labels["le"]) for one in answer.series if "le" in one.labels}
        if not ends:
            raise Unavailable(f"finds no series of `{buckets}` in the last {seconds(back_s)}")
        # A bound is written in decimal, a threshold may come from `50ms`: equal but for floating point is equal.
        below = [end for end in ends.values() if end <= self._threshold_s * (1 + 1e-9)]
        if not below:
            first, asked = min(ends.values()), self._threshold_s
            raise Unavailable(f"the first bucket of {self._histogram} ends at {first:g} s, above {asked:g} s")
        bound = max(below)
        if bound < self._threshold_s * (1 - 1e-9):
            self.note = f"{self.name}: no bucket ends at {self._threshold_s:g} s; {bound:g} s is used"
        return tuple(sorted(text for text, end in ends.items() if end == bound))


def raw(api: PrometheusApi, selector: str, back_s: float) -> tuple[Series, ...]:
    answer = api.raw(selector, back_s)
    refuse_warnings(answer.warnings)
    return answer.series


def refuse_warnings(warnings: Sequence[str]) -> None:
    """A partial answer is a wrong one. Raises: Unavailable."""
    if warnings:
        raise Unavailable(f"warns: {warnings[0]}")


def per_s(total: Sequence[Series]) -> float | None:
    """How much counters grow a second now, all together: over the last minute of their samples, however long they have
    existed (`rate()` takes a new counter for a slow one). None with fewer than two scrapes."""
    times = [at_s for one in total for at_s, _ in one.points]
    newest_s = max(times, default=0.0)
    oldest_s = min((at_s for at_s in times if at_s >= newest_s - LATELY_S), default=newest_s)
    if newest_s <= oldest_s:
        return None
    grown = 0.0
    for one in total:
        lately = [value for at_s, value in one.points if at_s >= oldest_s]
        grown += sum(b if b < a else b - a for a, b in pairwise(lately))
    return grown / (newest_s - oldest_s)


def _without_end(one: Series) -> Series:
    return Series(labels={name: value for name, value in one.labels.items() if name != "le"}, points=one.points)
