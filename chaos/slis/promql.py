"""SLIs from a Prometheus server: the raw samples of its scrapes, with their own times.

A range selector (`counter[30s]`) answers the samples themselves, so that nothing is interpolated, a reset between two
looks is seen, and every growth lies where it happened, however late it is read.

| form | what is asked | a sample of ours is |
|---|---|---|
| `good`, `total` | both selectors' raw samples | an instance's growth between two scrapes |
| `histogram` | the buckets at the threshold (or the next below it) and `+Inf` | the same |
| `gauge`, a selector | its raw samples | each of them |
| `gauge`, an expression | its value, every `every` | each answer |
"""

from __future__ import annotations

import time
from collections.abc import Sequence

from chaos.errors import SaleproofError, Unavailable
from chaos.model.journal import Sample
from chaos.model.objective import Condition
from chaos.model.plan import Measured
from chaos.model.prometheus import PrometheusServer
from chaos.model.promql import filled, is_selector
from chaos.model.sli import Shape, Sli
from chaos.model.words import seconds
from chaos.slis.access import Access
from chaos.slis.pace import Pace
from chaos.slis.prometheus_api import PrometheusApi
from chaos.slis.questions import Buckets, Question, Ratio, raw, refuse_warnings
from chaos.slis.reading import Problem, Reading
from chaos.units import Duration


class PromqlReader:
    """One SLI. Nothing new since the last look is no problem until it lasts too long; a server that does not answer, an
    error, a warning, nothing found, several series or a NaN is one at once."""

    def __init__(self, sli: Sli, conditions: Sequence[Condition], server: PrometheusServer) -> None:
        self.name = f"Prometheus, {sli.name}"
        self.slis = (sli.name,)
        self._sli, self._server = sli, server
        self._pace = Pace()
        self._api: PrometheusApi | None = None
        self._where = ""
        words = {**server.variables, "service": sli.service or ""}
        self._gauge, good, total, histogram = (
            filled(query or "", words) for query in (sli.gauge, sli.good, sli.total, sli.histogram)
        )
        # Else its raw samples are asked for, as those of counters are.
        self._is_expression = sli.shape is Shape.GAUGE and not is_selector(self._gauge)
        self._every_s = float(sli.every)  # of an expression
        self._evaluated_s: float | None = None
        self._questions: tuple[Question, ...] = ()
        if sli.shape is Shape.HISTOGRAM:
            thresholds = {c.text: c.threshold for c in conditions}
            self._questions = tuple(Buckets(text, histogram, limit) for text, limit in thresholds.items())
        elif sli.shape is Shape.COUNTER_RATIO:
            self._questions = (Ratio(sli.name, good, total),)

    @property
    def period_s(self) -> float:
        return self._pace.period_s

    @property
    def delay_s(self) -> float:
        return self._every_s + self._pace.period_s if self._is_expression else self._pace.delay_s

    @property
    def notes(self) -> tuple[str, ...]:
        return tuple(question.note for question in self._questions if question.note)

    def read(self, at_s: float) -> Reading:
        zero_s = time.monotonic() - at_s
        samples: list[Sample] = []
        try:
            api = self._connect()
            if self._is_expression:
                self._evaluate(api, at_s, samples)
            else:
                back_s = self._pace.look(api)
                if self._gauge:
                    self._raw_gauge(api, back_s, zero_s, samples)
                else:
                    self._counters(api, back_s, zero_s, samples)
                self._pace.refuse_stale()
        except SaleproofError as cause:
            where = "" if self._where and self._where in str(cause) else self._where
            error = f"Prometheus{' at ' if where else ''}{where}: {cause}"
            return Reading(samples=tuple(samples), problems=(Problem(sli=self._sli.name, error=error),))
        return Reading(samples=tuple(samples))

    def measured(self, at_s: float) -> Measured:
        """What was found out by looking once, about the source as it is now. Raises: Unavailable."""
        found = self.read(at_s)
        if found.problems:
            raise Unavailable(found.problems[0].error)
        interval_s = self._every_s if self._is_expression else self._pace.interval_s
        return Measured(
            sli=self._sli.name, source=f"Prometheus at {self._where}", delay=Duration(self.delay_s),
            interval=None if interval_s is None else Duration(interval_s),
            per_s=self._questions[0].per_s if self._questions else None,
        )  # fmt: skip

    def close(self) -> None:
        if self._api is not None:
            self._api.close()
            self._api = None

    def _connect(self) -> PrometheusApi:
        """Raises: Unavailable."""
        if self._api is None:
            import os

            access = Access.of(self._server, os.environ)
            self._where = access.url
            self._api = PrometheusApi(access)
        return self._api

    def _counters(self, api: PrometheusApi, back_s: float, zero_s: float, samples: list[Sample]) -> None:
        for question in self._questions:
            for grown in question.ask(api, self._pace, back_s):
                samples.append(
                    Sample(
                        at_s=self._pace.on_run(grown.at_s, zero_s), since_s=self._pace.on_run(grown.since_s, zero_s),
                        sli=question.name, good=grown.good, total=grown.total,
                        service=grown.instance[1] or grown.instance[0],
                    )
                )  # fmt: skip

    def _raw_gauge(self, api: PrometheusApi, back_s: float, zero_s: float, samples: list[Sample]) -> None:
        series = raw(api, self._gauge, back_s)
        if len(series) > 1:
            raise Unavailable(f"`{self._gauge}` finds {len(series)} series, and a gauge is one; name it by more labels")
        if not series and self._pace.newest_s is None:
            raise Unavailable(f"finds no series of `{self._gauge}` in the last {seconds(back_s)}")
        since_s = self._pace.newest_s
        self._pace.saw(series)
        if since_s is None:
            return  # what was before the first look is not the run's
        for unix_s, value in series[0].points if series else ():
            if unix_s > since_s:
                run_s, run_since_s = (self._pace.on_run(each_s, zero_s) for each_s in (unix_s, since_s))
                since_s = unix_s
                value = self._number(value)
                samples.append(Sample(at_s=run_s, since_s=run_since_s, sli=self._sli.name, value=value))

    def _evaluate(self, api: PrometheusApi, at_s: float, samples: list[Sample]) -> None:
        now_s = time.monotonic()
        if self._evaluated_s is not None and now_s - self._evaluated_s < self._every_s:
            return
        answer = api.instant(self._gauge)
        refuse_warnings(answer.warnings)
        value = answer.value()
        if value is None:
            raise Unavailable(f"finds nothing for `{self._gauge}`")
        self._evaluated_s = now_s
        samples.append(Sample(at_s=at_s, sli=self._sli.name, value=self._number(value)))

    def _number(self, value: float) -> float:
        """Raises: Unavailable."""
        if value != value or value in (float("inf"), float("-inf")):
            raise Unavailable(f"`{self._gauge}` is {value}, not a number")
        return value
