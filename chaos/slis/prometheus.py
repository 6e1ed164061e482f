"""SLIs from `/metrics`, scraped from every instance of a service: the raw counters' differences, never a rate somebody
else has smoothed.

| shape | good | total |
|---|---|---|
| counter-ratio | growth of `good` | growth of `total` |
| histogram, `p95 < 50ms` | growth of the bucket that ends at the threshold, or the next below it | growth of `+Inf` |
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from chaos.errors import SaleproofError, SpecError, Unavailable
from chaos.model.journal import Sample
from chaos.model.objective import Condition
from chaos.model.platform import Instance
from chaos.model.sli import Shape, Sli
from chaos.slis.metrics import Growth, Page, Selector, bound_for, parse
from chaos.slis.reading import Problem, Reading
from chaos.slis.web import NotReached, get

PERIOD_S = 1.0
TIMEOUT_S = 0.9
_ACCEPT = "text/plain;version=0.0.4"


class _Question:
    """What one sentence, or one SLI, wants of a page."""

    def __init__(self, sli: Sli, condition: Condition | None) -> None:
        """Raises: SpecError."""
        self.sli = sli
        # Percentiles are counted for each sentence's own threshold, and the sample names the sentence.
        self.name = sli.name if condition is None else condition.text
        self.threshold_s = 0.0 if condition is None else condition.threshold
        self.bound_s: float | None = None
        if sli.shape is Shape.HISTOGRAM:
            selector = Selector.parse(sli.histogram or "")
            self.bucket = Selector(name=f"{selector.name}_bucket", labels=selector.labels)
            self.wanted: tuple[str, ...] = (self.bucket.name,)
        elif sli.good is not None and sli.total is not None:
            self.good, self.total = Selector.parse(sli.good), Selector.parse(sli.total)
            self.wanted = (self.good.name, self.total.name)
        else:
            raise SpecError(f"sli '{sli.name}': a prometheus SLI needs a histogram, or good and total")

    def counters(self, page: Page) -> dict[str, float]:
        """Raises: Unavailable."""
        if self.sli.shape is not Shape.HISTOGRAM:
            return {"good": page.sum(self.good), "total": page.sum(self.total)}
        series = page.matching(self.bucket)
        bound = bound_for(page, self.bucket, self.threshold_s)
        if bound is None:
            return {"good": 0.0, "total": 0.0}
        # Instances may have other buckets: the lowest one is told.
        self.bound_s = bound if self.bound_s is None else min(bound, self.bound_s)
        ends = {labels: float(dict(labels)["le"]) for labels in series if "le" in dict(labels)}
        return {
            "good": sum(series[labels] for labels, end in ends.items() if end == bound),
            "total": sum(series[labels] for labels, end in ends.items() if end == float("inf")),
        }


class PrometheusReader:
    """All SLIs that come from one path of one service's instances.

    An instance that cannot be reached is no problem while another one answers: a dead process counts nothing, and a
    frozen one's counters are read when it goes on. A page that is wrong is always one.
    """

    period_s = PERIOD_S
    delay_s = 0.0

    def __init__(
        self, service: str, path: str, instances: Sequence[Instance], wanted: Sequence[tuple[Sli, Condition]]
    ) -> None:
        """Raises: SpecError for a metric that cannot be read."""
        self.name = f"{path} of {service}"
        self._path = path
        self._instances = tuple(instances)
        questions = {}
        for sli, condition in wanted:
            question = _Question(sli, condition if sli.shape is Shape.HISTOGRAM else None)
            questions[question.name] = question
        self._questions = tuple(questions.values())
        self.slis = tuple(dict.fromkeys(q.sli.name for q in self._questions))
        self._growth = {(i.name, q.name): Growth() for i in self._instances for q in self._questions}
        self._threads = ThreadPoolExecutor(max(1, min(8, len(self._instances))), thread_name_prefix="metrics")

    @property
    def notes(self) -> tuple[str, ...]:
        return tuple(
            f"{q.name}: the histogram has no bucket that ends at {q.threshold_s:g} s; {q.bound_s:g} s is used"
            for q in self._questions
            if q.bound_s is not None and abs(q.bound_s - q.threshold_s) > 1e-9 * q.threshold_s
        )

    def read(self, at_s: float) -> Reading:
        if not self._instances:
            return Reading(problems=tuple(Problem(sli=s, error=f"{self.name}: no instance runs") for s in self.slis))
        samples: list[Sample] = []
        problems: list[Problem] = []
        unreached: list[str] = []
        for instance, page in zip(self._instances, self._threads.map(self._scrape, self._instances), strict=True):
            if isinstance(page, NotReached):
                unreached.append(str(page))
            elif isinstance(page, SaleproofError):
                problems.extend(Problem(sli=sli, error=f"{instance.name}: {page}") for sli in self.slis)
            else:
                for question in self._questions:
                    try:
                        samples.extend(self._sample(question, instance, page, at_s))
                    except Unavailable as cause:
                        problems.append(Problem(sli=question.sli.name, error=f"{instance.name}: {cause}"))
        if len(unreached) == len(self._instances):
            problems.extend(Problem(sli=sli, error=unreached[0]) for sli in self.slis)
        return Reading(samples=tuple(samples), problems=tuple(problems))

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _sample(self, question: _Question, instance: Instance, page: Page, at_s: float) -> list[Sample]:
        grown = self._growth[(instance.name, question.name)].since(question.counters(page), page.started)
        if grown is None:
            return []
        # The page is not one instant: a request may have been counted as good and not yet as one of all.
        good = min(grown["good"], grown["total"])
        return [Sample(at_s=at_s, sli=question.name, good=good, total=grown["total"], service=instance.name)]

    def _scrape(self, instance: Instance) -> Page | SaleproofError:
        try:
            status, body = get(instance.address, self._path, TIMEOUT_S, _ACCEPT)
            if status != 200:
                return Unavailable(f"http://{instance.address}{self._path}: status {status}")
            return parse(body.decode(errors="replace"), (name for q in self._questions for name in q.wanted))
        except SaleproofError as cause:
            return cause
