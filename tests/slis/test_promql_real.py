"""SLIs from a real Prometheus that scrapes real pages every half second."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from chaos.model.journal import Sample
from chaos.model.objective import Condition, Op
from chaos.model.prometheus import PrometheusServer
from chaos.model.sli import Shape, Sli, Source
from chaos.slis.promql import PromqlReader
from tests.prometheus import prometheus
from tests.slis.sources import Web
from tests.slis.test_prometheus import Process

pytestmark = pytest.mark.integration

HITS = Sli(
    name="hits", source=Source.PROMQL, shape=Shape.COUNTER_RATIO, good='cache_requests_total{result=~"hit"}',
    total="cache_requests_total",
)  # fmt: skip
SPEED = Sli(name="speed", source=Source.PROMQL, shape=Shape.HISTOGRAM, histogram="db_query_seconds")
QUICK = Condition(
    text="speed.p90 < 50ms", sli="speed.p90", source=Source.PROMQL, shape=Shape.HISTOGRAM, op=Op.LT, threshold=0.05,
    budget=0.1, percentile=90.0,
)  # fmt: skip
ZERO_S = time.monotonic()


def collect(reader: PromqlReader, until: Callable[[list[Sample]], bool], within_s: float = 20.0) -> list[Sample]:
    """Look four times a second, as long as it takes."""
    samples: list[Sample] = []
    end_s = time.monotonic() + within_s
    while not until(samples):
        assert time.monotonic() < end_s, samples[-3:]
        reading = reader.read(time.monotonic() - ZERO_S)
        assert reading.problems == ()
        samples += reading.samples
        time.sleep(0.25)
    return samples


def test_counters_histograms_restarts_and_silence(web: Callable[..., Web]) -> None:
    """Of all that was counted nothing is lost and nothing counted twice, through a restart of one instance and an
    error seen for the first time; it lies within a scrape of where it happened; and when the pages are gone, that is
    said."""
    one, two = Process(), Process()
    one.work(hits=1_000, queries=(0.02,))
    two.work(hits=1)
    pages = [web(metrics=one.page), web(metrics=two.page)]
    with prometheus({"web": [page.address for page in pages]}, every="500ms") as server:
        asked = PrometheusServer(url=server.url)
        hits, speed = PromqlReader(HITS, (), asked), PromqlReader(SPEED, (QUICK,), asked)
        wait_for(lambda: all(r.read(time.monotonic() - ZERO_S).problems == () for r in (hits, speed)))
        collect(hits, lambda found: len({s.service for s in found}) == 2)  # both have been scraped twice
        began_s = time.monotonic() - ZERO_S
        one.work(hits=80, misses=20, queries=(0.02,) * 9 + (0.2,))  # its first misses
        two.work(hits=10)
        first = collect(hits, lambda found: sum(s.total for s in found) >= 110)
        assert (sum(s.good for s in first), sum(s.total for s in first)) == (90, 110)
        assert all(began_s - 0.6 <= s.at_s <= began_s + 2.5 for s in first if s.total), (began_s, first)
        timed = collect(speed, lambda found: sum(s.total for s in found) >= 10)
        assert (sum(s.good for s in timed), sum(s.total for s in timed), timed[0].sli) == (9, 10, "speed.p90 < 50ms")
        two.restart()
        two.work(hits=3, misses=1)
        # A counter that shows less than before: all that it shows is new. `first` of two had 11 hits and no misses.
        again = collect(hits, lambda found: sum(s.total for s in found) >= 4)
        assert (sum(s.good for s in again), sum(s.total for s in again)) == (3, 4)
        found = hits.measured(0.0)
        assert 0.3 < float(found.interval or 0) < 0.8
        for page in pages:
            page.close()
        wait_for(lambda: "no new sample for" in str(hits.read(time.monotonic() - ZERO_S).problems), 20.0)
        hits.close()
        speed.close()


def wait_for(what: Callable[[], bool], within_s: float = 20.0) -> None:
    end_s = time.monotonic() + within_s
    while not what():
        assert time.monotonic() < end_s
        time.sleep(0.1)
