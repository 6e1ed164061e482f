"""Real users' events over a window, counted by a Prometheus server from raw counters."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime

from chaos.errors import Unavailable
from chaos.model.sli import Sli
from chaos.model.slo import Slo
from chaos.slis.prometheus_api import PrometheusApi
from chaos.slo.queries import bad_and_total, counters


class PrometheusCounting:
    """For the SLOs whose SLI has counters there. What the server has not kept for so long is not counted. `words` are
    for `{name}` in the target's queries."""

    def __init__(self, api: PrometheusApi, slis: Mapping[str, Sli], words: Mapping[str, str]) -> None:
        self._api, self._slis, self._words = api, slis, words

    def counted(self, slo: Slo, since: datetime, until: datetime) -> tuple[float, float] | None:
        """(bad, total); None where there are no counters in the span. Raises: NoCounters; Unavailable, also
        for what is no number, for an answer that the server itself calls partial, and for a total without its good
        ones."""
        found = counters(slo, self._slis, self._words)
        queries = bad_and_total(slo, found, (until - since).total_seconds())
        bad, total = (self._value(query, until.timestamp()) for query in queries)
        if total is None:
            return None
        if bad is None:
            # A counter of good events that is not there counts as 0 in the query; a bucket that is not there does not.
            raise Unavailable(
                f"{self._api.access.url}: there are {total:,.0f} events, and no bucket that ends at the value of "
                f"'{slo.condition}', so nobody knows which were good"
            )
        return min(bad, total), total

    def close(self) -> None:
        self._api.close()

    def _value(self, query: str, at_s: float) -> float | None:
        answer = self._api.instant(query, at_s)
        if answer.warnings:
            raise Unavailable(f"{self._api.access.url}: {answer.warnings[0]}")
        value = answer.value()
        if value is not None and not math.isfinite(value):
            raise Unavailable(f"{self._api.access.url}: {query} is {value:g}, and no count")
        return value
