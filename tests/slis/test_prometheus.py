"""/metrics of real instances."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest

from chaos.slis import prometheus
from chaos.slis.prometheus import PrometheusReader
from tests.slis.sources import ENOUGH_HITS, HITS, QUERY, Web, instance, quick

pytestmark = pytest.mark.integration

Serve = Callable[..., Web]


class Process:
    """One web process with a cache and a database; a new one begins at zero."""

    def __init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        self.registry = CollectorRegistry()
        self.cache = Counter("cache_requests", "cache", ["result"], registry=self.registry)
        self.query = Histogram("db_query_seconds", "db", ["query"], buckets=(0.01, 0.05, 0.1), registry=self.registry)

    def work(self, hits: int = 0, misses: int = 0, queries: tuple[float, ...] = ()) -> None:
        self.cache.labels("hit").inc(hits)
        self.cache.labels("miss").inc(misses)
        for seconds in queries:
            self.query.labels("select").observe(seconds)

    def page(self) -> tuple[int, bytes]:
        return 200, generate_latest(self.registry)


def reader_of(*webs: Web) -> PrometheusReader:
    instances = [instance(f"web-{n}", web.address) for n, web in enumerate(webs, 1)]
    wanted = [(HITS, ENOUGH_HITS), (QUERY, quick("50ms", 0.05)), (QUERY, quick("60ms", 0.06))]
    return PrometheusReader("web", "/metrics", instances, wanted)


def test_every_instance_is_read_and_only_what_is_new_counts(web: Serve) -> None:
    """The first page is where counting begins; a percentile is counted for each sentence's threshold."""
    one, two = Process(), Process()
    one.work(hits=1000, misses=1000)
    reader = reader_of(web(metrics=one.page), web(metrics=two.page))
    assert reader.read(1.0).samples == ()
    one.work(hits=8, misses=2, queries=(0.02, 0.055, 0.2))
    two.work(hits=1)
    reading = reader.read(2.0)
    assert reading.problems == ()
    found = {(s.sli, s.service): (s.good, s.total, s.at_s) for s in reading.samples}
    assert found[("cache-hits", "web-1")] == (8, 10, 2.0)
    assert found[("cache-hits", "web-2")] == (1, 1, 2.0)
    assert found[("db-query.p95 < 50ms", "web-1")] == (1, 3, 2.0)
    assert found[("db-query.p95 < 60ms", "web-1")] == (1, 3, 2.0)
    assert reader.notes == ("db-query.p95 < 60ms: the histogram has no bucket that ends at 0.06 s; 0.05 s is used",)
    reader.close()


def test_a_restarted_process_counts_from_zero(web: Serve) -> None:
    """Never a negative number, never the old process's numbers."""
    process = Process()
    process.work(hits=100, misses=100)
    reader = reader_of(web(metrics=process.page))
    reader.read(1.0)
    process.restart()
    process.work(hits=3, misses=1)
    assert [(s.good, s.total) for s in reader.read(2.0).samples if s.sli == "cache-hits"] == [(3, 4)]
    reader.close()


def test_an_instance_that_is_down_is_no_problem_while_another_answers(web: Serve) -> None:
    """A dead process counts nothing. When nobody answers, all SLIs are unread."""
    process = Process()
    first, second = web(metrics=process.page), web(metrics=Process().page)
    reader = reader_of(first, second)
    reader.read(1.0)
    second.close()
    process.work(hits=1)
    reading = reader.read(2.0)
    assert reading.problems == ()
    assert {s.service for s in reading.samples} == {"web-1"}
    first.close()
    assert {(p.sli, "refused" in p.error) for p in reader.read(3.0).problems} == {
        ("cache-hits", True), ("db-query", True),
    }  # fmt: skip
    reader.close()


def test_an_instance_that_was_away_is_caught_up(web: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    """A frozen process's counters are read when it goes on: nothing is lost."""
    monkeypatch.setattr(prometheus, "TIMEOUT_S", 0.3)
    process, frozen = Process(), [False]

    def page() -> tuple[int, bytes]:
        if frozen[0]:
            time.sleep(1.0)
        return process.page()

    reader = reader_of(web(metrics=page), web(metrics=Process().page))
    reader.read(1.0)
    process.work(hits=5)
    frozen[0] = True
    assert [s.service for s in reader.read(2.0).samples if s.sli == "cache-hits"] == ["web-2"]
    frozen[0] = False
    process.work(hits=2)
    caught_up = {s.service: s.good for s in reader.read(3.0).samples if s.sli == "cache-hits"}
    assert caught_up == {"web-1": 7, "web-2": 0}
    reader.close()


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ((500, b""), "status 500"),
        ((200, b"<html>"), "metric"),
        ((200, b"# TYPE other counter\nother_total 1\n"), "no metric"),
    ],
)
def test_a_page_that_is_wrong_is_always_a_problem(web: Serve, answer: tuple[int, bytes], error: str) -> None:
    """Also when the other instances are fine: half a measurement must not pass for a whole one."""
    reader = reader_of(web(metrics=Process().page), web(metrics=lambda: answer))
    problems = reader.read(1.0).problems
    assert {p.sli for p in problems} == {"cache-hits", "db-query"}
    assert all(p.error.startswith("web-2: ") and error in p.error for p in problems)
    reader.close()


@pytest.mark.parametrize(("value", "told"), [("NaN", "nan"), ("+Inf", "inf"), ("-5", "-5")])
def test_a_counter_that_is_no_number_is_a_problem_and_nothing_is_lost(web: Serve, value: str, told: str) -> None:
    """Nor counted for more than it was: the next page that is right has all that came since the last right one."""
    shown = ["100"]

    def page() -> tuple[int, bytes]:
        series = f'cache_requests_total{{result="hit"}} {shown[0]}\ncache_requests_total{{result="miss"}} 1\n'
        return 200, f"# TYPE cache_requests_total counter\n{series}".encode()

    reader = PrometheusReader("web", "/metrics", [instance("web-1", web(metrics=page).address)], [(HITS, ENOUGH_HITS)])
    reader.read(1.0)
    shown[0] = value
    reading = reader.read(2.0)
    assert reading.samples == ()
    assert f'cache_requests_total{{result="hit"}} is {told}, which no counter can be' in reading.problems[0].error
    shown[0] = "130"
    assert [(s.good, s.total) for s in reader.read(3.0).samples] == [(30, 30)]
    reader.close()


def test_a_service_without_instances_is_a_problem() -> None:
    """Nothing to read is not nothing wrong."""
    reader = reader_of()
    assert {p.sli for p in reader.read(1.0).problems} == {"cache-hits", "db-query"}
    reader.close()
