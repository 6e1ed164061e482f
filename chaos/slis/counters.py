"""How much counters grew, out of their raw samples: series by series, with the times of the scrapes.

- A counter that falls started anew: then what it shows is what it grew by.
- A series that appears beside others of its scraped instance began at 0 (a status code's first error); one of an
  instance that was never seen before may be days old, and counts from its first sample on.
- What an instance counted while it could not be scraped is one growth, over all that time.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from chaos.errors import Unavailable

if TYPE_CHECKING:
    from chaos.slis.prometheus_api import Series

Instance = tuple[str, str]
Key = frozenset[tuple[str, str]]

# An instance increments its two counters one after the other, and a scrape may come in between. More than this share of
# good ones too many, and the two queries do not count the same things.
TOO_GOOD_SHARE, TOO_GOOD = 0.05, 20.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Grown:
    """What one instance counted from one scrape to another, in Unix seconds of the server."""

    instance: Instance
    since_s: float
    at_s: float
    good: float
    total: float


@dataclass(kw_only=True, slots=True)
class Counters:
    """All series of one selector, and how much each instance's grew from scrape to scrape."""

    first_s: dict[Instance, float]  # instance -> its first scrape that is known, in whichever counters
    begin_s: dict[Instance, float]  # instance -> the scrape that counting begins with, in both counters
    _last: dict[Key, tuple[float, float]] = field(default_factory=dict)  # series -> its newest sample
    _began: bool = False
    growth: dict[Instance, deque[tuple[float, float]]] = field(default_factory=dict)  # instance -> (at, grown by)

    def add(self, series: Iterable[Series]) -> None:
        """Take in raw samples; those seen before are skipped. The first call only says where counting begins.
        Raises: Unavailable for a value that no counter has."""
        known = [(instance_of(one.labels), one) for one in series if one.points]
        for instance, one in known:
            self.first_s[instance] = min(one.points[0][0], self.first_s.get(instance, float("inf")))
        for instance, one in known:
            self._add(one, instance)
        if not self._began:
            for instance, one in known:
                self.begin_s[instance] = max(one.points[-1][0], self.begin_s.get(instance, 0.0))
        self._began = True

    def _add(self, one: Series, instance: Instance) -> None:
        key = frozenset(one.labels.items())
        seen = self._last.get(key)
        points = [p for p in one.points if seen is None or p[0] > seen[0]]
        if not points:
            return
        # Before anything is taken: these points are asked for again at the next look.
        for _, now in points:
            if not 0 <= now < float("inf"):
                raise Unavailable(f"{spelt(one.labels)} is {now}, which no counter can be")
        if not self._began:
            # Where the totals begin, or the good ones of a scrape in between would be missing from them.
            until_s = self.begin_s.get(instance, points[-1][0])
            points = points[max(0, sum(at_s <= until_s for at_s, _ in points) - 1) :]
        grown = self.growth.setdefault(instance, deque())
        value = None if seen is None else seen[1]
        after = self._began or points[0][0] > self.begin_s.get(instance, float("inf"))
        if seen is None and after and self.first_s[instance] < points[0][0]:
            value = 0.0  # its instance was scraped before, without it
        for at_s, now in points:
            if value is not None:
                grown.append((at_s, now if now < value else now - value))
            else:
                grown.append((at_s, 0.0))  # a scrape that counting begins with
            value = now
        self._last[key] = points[-1]


@dataclass(kw_only=True, slots=True)
class Pair:
    """Good and total, brought together: an instance's growth from each of its scrapes to the next."""

    good: Counters = field(init=False)
    total: Counters = field(init=False)
    _scraped: dict[Instance, float] = field(default_factory=dict)  # instance -> the scrape that was told last
    _over: dict[Instance, float] = field(default_factory=dict)  # good ones that came before their totals
    _sum: float = 0.0

    def __post_init__(self) -> None:
        first_s: dict[Instance, float] = {}
        begin_s: dict[Instance, float] = {}
        self.good, self.total = (Counters(first_s=first_s, begin_s=begin_s) for _ in range(2))

    def take(self) -> list[Grown]:
        """What is new, in the order of time. `total` must have been asked before `good`: then every scrape that is in
        the one is in the other. Raises: Unavailable when more is good than there is."""
        found: list[Grown] = []
        for instance, growth in self.total.growth.items():
            goods = self.good.growth.setdefault(instance, deque())
            for at_s, total in _by_time(growth):
                good = self._over.get(instance, 0.0)
                while goods and goods[0][0] <= at_s:
                    good += goods.popleft()[1]
                since_s = self._scraped.get(instance)
                self._scraped[instance] = at_s
                if since_s is None:
                    continue
                self._over[instance] = max(0.0, good - total)
                self._sum += total
                found.append(Grown(instance=instance, since_s=since_s, at_s=at_s, good=min(good, total), total=total))
            growth.clear()
        over = sum(self._over.values())
        if over > max(TOO_GOOD, TOO_GOOD_SHARE * self._sum):
            raise Unavailable(f"good counts {over:,.0f} more than total does: is all that is good part of the total?")
        return sorted(found, key=lambda grown: grown.at_s)


def _by_time(growth: Iterable[tuple[float, float]]) -> list[tuple[float, float]]:
    """Scrapes of an instance, each once: its series are summed up."""
    sums: dict[float, float] = {}
    for at_s, grown in growth:
        sums[at_s] = sums.get(at_s, 0.0) + grown
    return sorted(sums.items())


def instance_of(labels: Mapping[str, str]) -> Instance:
    """What is scraped together: the job and the instance, as far as the series says."""
    return labels.get("job", ""), labels.get("instance", "")


def spelt(labels: Mapping[str, str]) -> str:
    """A series for people."""
    inside = ", ".join(f'{name}="{value}"' for name, value in sorted(labels.items()) if name != "__name__")
    return f"{labels.get('__name__', '')}{{{inside}}}"
