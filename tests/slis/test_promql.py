"""SLIs from a Prometheus server: what is asked, what is counted, and what is no answer."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from chaos.model.objective import Condition, Op
from chaos.model.prometheus import PrometheusServer
from chaos.model.sli import Shape, Sli, Source
from chaos.slis import pace
from chaos.slis.promql import PromqlReader
from chaos.units import Duration
from tests.slis.fakeprometheus import Fake, Points, fake, matrix, said, vector

pytestmark = pytest.mark.integration

OK = Sli(
    name="ok", source=Source.PROMQL, shape=Shape.COUNTER_RATIO, service="web",
    good='hits_total{service="{service}", code!~"5.."}', total='hits_total{service="{service}", color="{color}"}',
)  # fmt: skip
SPEED = Sli(name="speed", source=Source.PROMQL, shape=Shape.HISTOGRAM, histogram='seconds{job="web"}')
QUEUE = Sli(name="queue", source=Source.PROMQL, shape=Shape.GAUGE, gauge='queue_length{queue="orders"}')
TOTAL_QUEUE = Sli(name="queue", source=Source.PROMQL, shape=Shape.GAUGE, gauge="sum(queue_length)")
# The run's zero: a hundred seconds ago.
ZERO_S = time.monotonic() - 100.0


def now_s() -> float:
    return time.monotonic() - ZERO_S


@pytest.fixture
def server() -> Iterator[Fake]:
    with fake() as found:
        yield found


def condition(sli: Sli, text: str, threshold: float = 0.9) -> Condition:
    name = text.split()[0]
    return Condition(text=text, sli=name, source=sli.source, shape=sli.shape, op=Op.GE, threshold=threshold, budget=0.1)


def reader(server: Fake, sli: Sli, *conditions: Condition, **settings: Any) -> PromqlReader:
    asked = PrometheusServer(url=server.url, variables={"color": "blue"}, **settings)
    return PromqlReader(sli, conditions or (condition(sli, "ok >= 90%"),), asked)


def scraped(server: Fake, values: list[float], ago_s: float = 0.0, every_s: float = 1.0) -> Points:
    """Scraped at a fixed rate, the last one so long ago."""
    last_s = server.now_s() - ago_s
    return [(last_s - every_s * (len(values) - 1 - n), value) for n, value in enumerate(values)]


def web(points: Points, instance: str = "web-1:80", **labels: str) -> tuple[dict[str, str], Points]:
    return {"__name__": "hits_total", "job": "web", "instance": instance, **labels}, points


def by_word(**answers: Callable[[], bytes]) -> Callable[[str], bytes]:
    """The answer whose word is in the query."""
    return lambda query: next(answer() for word, answer in answers.items() if word in query)


def test_growth_lies_where_it_was_scraped(server: Fake) -> None:
    """By the run's clock, however the server's one is set; queries have their variables, and are raw selectors."""
    server.clock_s = 5_000.0
    began_s = server.now_s() - 10.0
    total = [(began_s + n, 100.0 + 10 * n) for n in range(4)]
    server.answer = by_word(
        code=lambda: matrix(web([(at, v - 50) for at, v in total])), color=lambda: matrix(web(total))
    )
    ours = reader(server, OK)
    assert ours.read(now_s()).samples == ()
    asked = [parameters["query"] for _, parameters, _ in server.asked[1:]]
    assert asked == [
        'hits_total{service="web", color="blue"}[300000ms]', 'hits_total{service="web", code!~"5.."}[300000ms]',
    ]  # fmt: skip
    total += [(began_s + 4, 140.0), (began_s + 5, 160.0)]
    found = ours.read(now_s())
    assert found.problems == ()
    zero_s = server.now_s() - now_s()  # the run's zero by the server's clock
    there = [(s.at_s + zero_s - began_s, (s.since_s or 0) + zero_s - began_s, s.good, s.total) for s in found.samples]
    assert there == [pytest.approx((4, 3, 10, 10), abs=0.1), pytest.approx((5, 4, 20, 20), abs=0.1)]
    assert {(s.sli, s.service) for s in found.samples} == {("ok", "web-1:80")}


def test_a_histogram_is_counted_at_the_bound_below_its_threshold(server: Fake) -> None:
    """Whatever way the instances spell it; the other buckets are not fetched."""
    buckets = [{"le": le} for le in ("0.1", "0.50", "1", "+Inf")]
    ends = said([{"metric": bucket, "value": [1, "1"]} for bucket in buckets], "vector")
    fast, every = [10.0, 10.0], [20.0, 20.0]
    server.answer = by_word(
        group=lambda: ends,
        le=lambda: matrix(web(scraped(server, fast), le="0.50"), web(scraped(server, every), le="+Inf")),
    )
    ours = reader(server, SPEED, condition(SPEED, "speed.p90 < 700ms", 0.7))
    assert ours.read(now_s()).problems == ()
    assert server.asked[-1][1]["query"] == 'seconds_bucket{job="web", le=~"0\\\\.50|\\\\+Inf"}[300000ms]'
    time.sleep(0.01)
    fast, every = [10.0, 13.0], [20.0, 24.0]
    (sample,) = ours.read(now_s()).samples[-1:]
    assert (sample.sli, sample.good, sample.total) == ("speed.p90 < 700ms", 3, 4)
    assert ours.notes == ("speed.p90 < 700ms: no bucket ends at 0.7 s; 0.5 s is used",)


def test_an_instance_with_other_buckets_is_a_problem(server: Fake) -> None:
    """Its answers cannot be told fast from slow, so nobody's are."""
    ends = said([{"metric": {"le": le}, "value": [1, "1"]} for le in ("0.5", "+Inf")], "vector")
    points = scraped(server, [1.0])
    server.answer = by_word(
        group=lambda: ends,
        le=lambda: matrix(web(points, le="0.5"), web(points, le="+Inf"), web(points, "web-2:80", le="+Inf")),
    )
    (problem,) = reader(server, SPEED, condition(SPEED, "speed.p90 < 500ms", 0.5)).read(now_s()).problems
    assert 'instance="web-2:80"' in problem.error
    assert "has other buckets" in problem.error
    slow = reader(server, SPEED, condition(SPEED, "speed.p90 < 100ms", 0.1)).read(now_s())
    assert "first bucket of seconds" in slow.problems[0].error


def test_a_gauge_is_each_of_its_samples(server: Fake) -> None:
    """A selector's raw samples, each once; an expression's value, no more often than said."""
    points = scraped(server, [3.0], ago_s=2)
    server.answer = lambda _: matrix(({"__name__": "queue_length"}, points))
    ours = reader(server, QUEUE)
    assert ours.read(now_s()).samples == ()
    points += [(points[0][0] + 1, 4.0), (points[0][0] + 2, 5.0)]
    assert [(s.value, round(s.at_s - (s.since_s or 0), 1)) for s in ours.read(now_s()).samples] == [
        (4.0, 1.0),
        (5.0, 1.0),
    ]
    assert ours.read(now_s()).samples == ()
    server.answer = lambda _: vector("7")
    summed = reader(server, TOTAL_QUEUE)
    assert [s.value for s in summed.read(now_s()).samples] == [7.0]
    assert summed.read(now_s()).samples == ()
    assert (summed.delay_s, summed.period_s) == (18.0, 3.0)


@pytest.mark.parametrize(
    ("sli", "answer", "error"),
    [
        (OK, (500, b""), "status 500"),
        (OK, (200, b"<html>log in</html>"), "not an answer of Prometheus: status 200, '<html>log in</html>'"),
        (OK, (200, b'{"data":' + b"[" * 100_000), "not an answer of Prometheus"),
        (QUEUE, (503, b'{"status":"error","error":"query timed out"}'), "query timed out"),
        (OK, matrix(), "finds no series of `hits_total"),
        (OK, matrix(warnings=["one store is gone"]), "warns: one store is gone"),
        (OK, matrix(web([(1.0, float("nan"))])), "hits_total"),
        (QUEUE, matrix(), "finds no series of `queue_length"),
        (QUEUE, matrix(({"n": "1"}, [(1.0, 1.0)]), ({"n": "2"}, [(1.0, 1.0)])), "finds 2 series, and a gauge is one"),
        (TOTAL_QUEUE, vector(), "finds nothing for `sum(queue_length)`"),
        (TOTAL_QUEUE, vector("1", "2"), "2 series instead of one"),
        (TOTAL_QUEUE, vector("NaN"), "is nan, not a number"),
        (TOTAL_QUEUE, vector("1", warnings=["partial"]), "warns: partial"),
    ],
)  # fmt: skip
def test_what_is_no_measurement_is_a_problem(server: Fake, sli: Sli, answer: Any, error: str) -> None:
    """Said with the server's address, by the SLI's name, and never a number."""
    server.answer = lambda _: answer
    found = reader(server, sli).read(now_s())
    assert found.samples == ()
    (problem,) = found.problems
    assert problem.sli == sli.name
    assert error in problem.error
    assert server.url in problem.error


def test_a_server_that_sends_us_elsewhere_is_a_problem(server: Fake) -> None:
    """It is told where to, and not asked there: what we would send is for the one that was named."""
    server.answer = lambda _: (302, b"")
    with fake() as other:
        server.headers = {"Location": f"{other.url}/api/v1/query"}
        (problem,) = reader(server, OK).read(now_s()).problems
        assert f"says to go to {other.url}/api/v1/query; say that address as the url" in problem.error
        assert other.asked == []


def test_thousands_of_series_are_read_while_they_are_fresh(server: Fake) -> None:
    """3,000 series with a minute of scrapes: each counted once, within the time between two looks."""
    grown = 0.0

    def answer() -> bytes:
        points = scraped(server, [100.0 + grown] * 12, every_s=5.0)
        every = [web(points, f"web-{n % 30}:80", code="200", path=f"/{n}") for n in range(3000)]
        return matrix(*every)

    server.answer = lambda _: answer()
    ours = reader(server, OK, timeout=Duration(20))
    assert ours.read(now_s()).problems == ()
    grown = 2.0
    time.sleep(0.01)
    began_s = time.thread_time()
    found = ours.read(now_s())
    assert time.thread_time() - began_s < ours.period_s
    assert found.problems == ()
    assert sum(sample.total for sample in found.samples) == 3000 * 2


def test_a_slow_server_is_a_problem(server: Fake) -> None:
    """After its timeout, whatever it would have said."""
    server.answer = lambda _: time.sleep(0.5) or matrix()  # type: ignore[func-returns-value]
    slow = PrometheusServer(url=server.url, variables={"color": "blue"}, timeout=Duration(0.1))
    (problem,) = PromqlReader(OK, (condition(OK, "ok >= 90%"),), slow).read(now_s()).problems
    assert "no answer within 0.1 s" in problem.error


def test_samples_that_stop_coming_are_a_problem(server: Fake) -> None:
    """After three times the delay: 1 s between scrapes and 1 s between looks. An instance that is gone is none while
    another one is scraped."""
    first, second = scraped(server, [1.0, 2.0, 3.0]), scraped(server, [1.0, 2.0, 3.0])
    server.answer = lambda _: matrix(web(first), web(second, "web-2:80"))
    ours = reader(server, OK)
    assert ours.read(now_s()).problems == ()
    assert (ours.period_s, round(ours.delay_s, 1)) == (1.0, 2.0)
    server.clock_s += 30
    ours._pace._clock = None  # time passes: the server's clock is read anew
    second[:] = scraped(server, [4.0])
    assert ours.read(now_s()).problems == ()
    server.clock_s += 7
    ours._pace._clock = None
    (problem,) = ours.read(now_s()).problems
    assert "no new sample for 7 s; they came every 1 s" in problem.error


@pytest.mark.parametrize(("by_s", "way"), [(-30.0, "back"), (30.0, "forward")])
def test_a_server_whose_clock_is_set_is_a_problem_once(
    server: Fake, by_s: float, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it said before cannot be put in its place; from then on the new clock counts."""
    monkeypatch.setattr(pace, "CLOCK_EVERY_S", 0.0)
    points = scraped(server, [1.0])
    server.answer = lambda _: matrix(web(points))
    ours = reader(server, OK)
    assert ours.read(now_s()).problems == ()
    server.clock_s += by_s
    points[:] = [*points, *scraped(server, [2.0])] if by_s > 0 else scraped(server, [2.0])
    (problem,) = ours.read(now_s()).problems
    assert f"clock was set {way} by 30.0 s" in problem.error
    points[:] = scraped(server, [3.0])
    assert ours.read(now_s()).problems == ()


def test_what_is_measured_beforehand(server: Fake) -> None:
    """The interval, the delay and the rate, for the plan."""
    server.answer = lambda _: matrix(web(scraped(server, [900.0, 990.0, 30.0, 130.0, 220.0], every_s=5.0)))
    found = reader(server, OK).measured(0.0)
    assert (found.sli, found.source, found.per_s) == ("ok", f"Prometheus at {server.url}", (90 + 30 + 100 + 90) / 20)
    assert (round(float(found.interval or 0), 1), round(float(found.delay), 1)) == (5.0, 6.0)
