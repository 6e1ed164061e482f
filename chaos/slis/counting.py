"""Real users' events, or a gauge's readings, over a window, counted by a Prometheus server."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from datetime import datetime

from chaos.errors import Unavailable
from chaos.model.sli import Sli
from chaos.model.slo import Slo
from chaos.slis.prometheus_api import PrometheusApi
from chaos.slo.queries import Readings, bad_and_total, measured

# Of the readings: so many may be of two instances at once, where one takes over from the other.
SEVERAL_SHARE = 0.01


# Less than a scrape; no window begins so exactly.
CLOCKS_APART_S = 2.0


class PrometheusCounting:
    """For the SLOs whose SLI has counters there. What the server has not kept for so long is not counted. `words` are
    for `{name}` in the target's queries."""

    def __init__(self, api: PrometheusApi, slis: Mapping[str, Sli], words: Mapping[str, str]) -> None:
        self._api, self._slis, self._words = api, slis, words
        self._ahead_s: float | None = None

    def counted(self, slo: Slo, since: datetime, until: datetime) -> tuple[float, float] | None:
        """(bad, total); None where there are no counters in the span. Raises: NoCounters; Unavailable, also
        for what is no number, for an answer that the server itself calls partial, and for a total without its good
        ones."""
        found = measured(slo, self._slis, self._words)
        seconds = max(1.0, (until - since).total_seconds())
        queries = bad_and_total(slo, found, seconds)
        at_s = until.timestamp() + self._ahead()
        bad, total = (self._value(query, at_s) for query in queries)
        if isinstance(found, Readings):
            self._refuse_several(found, seconds, at_s)
        if total is None:
            return None
        if bad is None:
            # A counter of good events that is not there counts as 0 in the query; a bucket that is not there does not.
            raise Unavailable(
                f"{self._api.access.url}: there are {total:,.0f} events, and not of all of them a bucket that ends at "
                f"the value of '{slo.condition}', so nobody knows which were good"
            )
        return min(bad, total), total

    def _refuse_several(self, found: Readings, seconds: float, at_s: float) -> None:
        """Which of several series would be the reading? Raises: Unavailable."""
        many = self._value(found.several(seconds), at_s)
        if many and many > SEVERAL_SHARE * (many + (self._value(found.counted(seconds)[1], at_s) or 0)):
            raise Unavailable(
                f"{self._api.access.url}: `{found.gauge}` is several series, and a gauge is one; name it by more "
                "labels, or take the sum or the max"
            )

    def close(self) -> None:
        self._api.close()

    def _ahead(self) -> float:
        """So many seconds the server's clock is ahead of ours: by that one its samples have their times. As good as
        equal is equal."""
        if self._ahead_s is None:
            clock = self._api.clock()
            ahead_s = clock.unix_s - (time.time() - (time.monotonic() - clock.monotonic_s))
            self._ahead_s = ahead_s if abs(ahead_s) > clock.error_s + CLOCKS_APART_S else 0.0
        return self._ahead_s

    def _value(self, query: str, at_s: float) -> float | None:
        answer = self._api.instant(query, at_s)
        if answer.warnings:
            raise Unavailable(f"{self._api.access.url}: {answer.warnings[0]}")
        value = answer.value()
        if value is not None and not math.isfinite(value):
            raise Unavailable(f"{self._api.access.url}: {query} is {value:g}, and no count")
        return value
