"""What is known while a run lasts, from batches written by hand."""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chaos.errors import Unavailable
from chaos.load.batch import Batch, Started
from chaos.load.live import Live
from chaos.model.counting import judge_rows
from chaos.model.journal import Sample
from chaos.model.objective import Condition, Op
from chaos.model.requests import Failure, Requests
from chaos.model.sli import LOAD_SLIS, Shape, Source
from chaos.model.target import Journey, Step
from chaos.units import Duration
from tests.load.customers import traffic

STEPS = ("home", "pay")
TRAFFIC = traffic(
    *(Step(name=name, method="GET", path="/") for name in STEPS),
    journeys=(Journey(name="buy", weight=1, steps=STEPS, transaction=True),), patience=Duration(4),
)  # fmt: skip
OK, STATUS = Failure.NONE, Failure.STATUS


def load(shape: Shape, threshold: float = 0.01, percentile: float | None = None) -> Condition:
    return Condition(
        text=f"{shape} {threshold}", sli=str(shape), source=Source.LOAD, shape=shape, op=Op.LT, threshold=threshold,
        budget=0.01, percentile=percentile,
    )  # fmt: skip


AVAILABILITY = load(Shape.AVAILABILITY)
SLOW = load(Shape.LATENCY, 1.0, 99.0)
TRANSACTIONS = load(Shape.TRANSACTIONS)


def batch(
    at_ms: int,
    finished: Sequence[tuple[int, int, Failure, int, int]] = (),
    started: Sequence[tuple[int, int, int, int]] = (),
    ended: Sequence[int] = (),
) -> Batch:
    """`finished`: (start ms, latency ms, failure, step, customer); `started`: (id, start ms, step, customer)."""
    rows = [(s * 1000, lat * 1000, 0, step, 200, int(f), 0, 0, c) for s, lat, f, step, c in finished]
    table = np.array([(i, s * 1000, step, 0, c) for i, s, step, c in started], np.int64).reshape(-1, 5)
    return Batch(
        at_s=at_ms / 1000, finished=Requests.of(rows, STEPS, ("buy",), ("",)), started=Started.of(table),
        ended=np.array(ended, np.int64), in_flight=len(started), customers=7,
    )  # fmt: skip


def test_the_last_seconds_are_told_by_when_it_was_known() -> None:
    """A request of long ago that failed just now counts now; one that was decided before does not."""
    live = Live(TRAFFIC)
    live.add(batch(10_000, [(9_500, 100, OK, 0, 1), (8_000, 1_700, STATUS, 0, 2), (8_500, 100, STATUS, 0, 3)]))
    assert live.recent(AVAILABILITY, 1.0) == (1, 2)
    assert live.recent(AVAILABILITY, 5.0) == (2, 3)


def test_a_request_under_way_turns_bad_with_its_age() -> None:
    """For latency when it passes the threshold, for availability when it passes the patience; and then only once."""
    live = Live(TRAFFIC)
    live.add(batch(500, started=[(1, 0, 0, 1)]))
    assert live.recent(SLOW, 1.0) == (0, 0)
    live.add(batch(1_250))
    assert live.recent(SLOW, 1.0) == (1, 1)
    assert live.between(SLOW, 0, 1) == (1, 1)
    assert live.recent(AVAILABILITY, 1.0) == (0, 0)
    live.add(batch(4_100))
    assert live.recent(AVAILABILITY, 1.0) == (1, 1)
    assert live.recent(SLOW, 1.0) == (0, 0)
    live.add(batch(4_300, [(0, 4_000, Failure.PATIENCE, 0, 1)], ended=[1]))
    assert live.between(SLOW, 0, 1) == (1, 1)
    assert live.between(AVAILABILITY, 0, 1) == (1, 1)


def test_a_span_is_told_by_the_intended_start() -> None:
    """Its beginning is inside, its end outside; a customer belongs to where the first request does."""
    live = Live(TRAFFIC)
    live.add(batch(9_000, [(1_000, 10, OK, 0, 1), (2_000, 10, STATUS, 1, 1), (3_000, 10, OK, 0, 2)]))
    assert live.between(AVAILABILITY, 1.0, 2.0) == (0, 1)
    assert live.between(AVAILABILITY, 1.0, 3.0) == (1, 2)
    assert live.between(TRANSACTIONS, 1.0, 2.0) == (1, 1)
    assert live.between(TRANSACTIONS, 2.0, 3.0) == (0, 0)


def test_silence_is_not_a_measurement() -> None:
    """A guard must know that nothing is known, once there was something."""
    live = Live(TRAFFIC)
    assert live.recent(AVAILABILITY, 1.0) == (0, 0)
    live.add(batch(1_000))
    live._heard_s = time.monotonic() - 6
    with pytest.raises(Unavailable, match="said nothing"):
        live.recent(AVAILABILITY, 1.0)


def test_readings_of_other_sources_are_counted_too() -> None:
    """Counts are added up over the instances; a gauge is one reading, good or bad; a sentence's own samples first."""
    hits = Condition(
        text="cache-hits >= 80%", sli="cache-hits", source=Source.PROMETHEUS, shape=Shape.COUNTER_RATIO, op=Op.GE,
        threshold=0.8, budget=0.2,
    )  # fmt: skip
    stock = Condition(
        text="stock >= 1", sli="stock", source=Source.SQL, shape=Shape.GAUGE, op=Op.GE, threshold=1, budget=0
    )
    live = Live(TRAFFIC)
    for instance, good in (("web-1", 90), ("web-2", 30)):
        live.add_sample(Sample(at_s=5.0, sli="cache-hits", good=good, total=100, service=instance))
    for at_s, value in ((3.0, 0.0), (4.0, 1.0), (5.0, 0.0)):
        live.add_sample(Sample(at_s=at_s, sli="stock", value=value))
    assert live.recent(hits, 1.0) == (80, 200)
    assert live.recent(stock, 1.0) == (2, 3)
    assert live.between(stock, 3.5, 4.5) == (0, 1)
    live.add_sample(Sample(at_s=5.0, sli="cache-hits >= 80%", good=1, total=1))
    assert live.recent(hits, 1.0) == (0, 1)


def test_somebody_elses_scrapes_are_looked_at_however_late_they_come() -> None:
    """The newest of every instance that is still scraped; and a span counts only those that lie wholly in it."""
    answered = Condition(
        text="answered < 50%", sli="answered", source=Source.PROMQL, shape=Shape.COUNTER_RATIO, op=Op.LT,
        threshold=0.5, budget=0.5,
    )  # fmt: skip
    live = Live(None)
    for at_s, good in ((15.0, 100), (30.0, 60), (45.0, 10)):
        for instance, offset_s in (("web-1", 0.0), ("web-2", 7.0)):
            if (instance, at_s) != ("web-2", 45.0):  # it is gone
                since_s, at = at_s + offset_s - 15, at_s + offset_s
                live.add_sample(
                    Sample(at_s=at, since_s=since_s, sli="answered", good=good, total=100, service=instance)
                )
    live.add_sample(Sample(at_s=99.0, sli="other", value=1.0))  # read just now, from elsewhere
    assert live.recent(answered, 1.0) == (40 + 90, 200)  # web-2's of 37 s, web-1's of 45 s
    assert live.between(answered, 10.0, 40.0) == (40 + 40, 200)


def test_figures_for_a_screen() -> None:
    """Rates and percentiles of the last seconds, and the sentences as they stand."""
    live = Live(TRAFFIC)
    finished = [(i * 20, 100 + i, STATUS if i % 50 == 0 else OK, 0, i) for i in range(400)]
    live.add(batch(8_100, finished, started=[(1, 8_050, 0, 999)]))
    figures = live.figures(
        at_s=8.1, window="during 1", window_elapsed_s=4.1, window_length_s=60.0, conditions=(AVAILABILITY, SLOW)
    )
    assert figures.in_flight == 1
    assert 45 < figures.rate < 120
    assert figures.error_ratio is not None
    assert figures.error_ratio < 0.05
    assert figures.p50_s is not None
    assert 0.3 < figures.p50_s < 0.5
    availability, slow = figures.conditions
    assert (availability.value, availability.ok) == ("98 %", False)
    assert slow.ok
    assert slow.value.endswith(" ms")
    empty = Live(None).figures(at_s=0.0, conditions=(AVAILABILITY,))
    assert (empty.rate, empty.p50_s, empty.conditions[0].value, empty.conditions[0].ok) == (0.0, None, "-", None)


_CUSTOMER = st.tuples(
    st.integers(0, 60_000), st.lists(st.tuples(st.integers(0, 3_000), st.sampled_from([OK, OK, STATUS])), max_size=2)
)


@settings(max_examples=40, deadline=None)
@given(st.lists(_CUSTOMER, min_size=1, max_size=40))
def test_what_is_folded_away_counts_as_before(customers: list[tuple[int, list[tuple[int, Failure]]]]) -> None:
    """Whether rows are still there or already summed up, a span has the same numbers."""
    finished = []
    for number, (start, steps) in enumerate(customers):
        at = start
        for step, (latency, failure) in enumerate(steps):
            finished.append((at, latency, failure, step, number))
            at += latency
            if failure is not OK:
                break
    conditions = [load(shape) for shape in LOAD_SLIS.values()] + [SLOW]
    whole, folding = Live(TRAFFIC, conditions, keep_s=1e6), Live(TRAFFIC, conditions, keep_s=0.0)
    for second in range(0, 90_000, 1_000):
        rows = [row for row in finished if second <= row[0] + row[1] < second + 1_000]
        for live in (whole, folding):
            live.add(batch(second + 1_000, rows))
    assert len(folding._merged()) <= len(whole._merged())
    for condition in conditions:
        for span in ((0.0, 200.0), (10.0, 30.25)):
            assert folding.between(condition, *span) == whole.between(condition, *span)
        judged = judge_rows(condition, whole._merged(), patience_s=4.0, transactions={"buy": 2}, now_us=90_000_000)
        assert whole.between(condition, 0, 200) == (int(judged.bad.sum()), len(judged))


def test_memory_stays_flat() -> None:
    """Three hours leave no more rows behind than the last seconds do, hardly more sums than ten minutes, and count all;
    a window's beginning that is long ago is known to ten seconds."""
    live = Live(TRAFFIC, [AVAILABILITY], keep_s=20.0)
    for second in range(0, 10_800, 10):
        rows = [((second + i // 2) * 1_000, 5, STATUS if i == 7 else OK, 0, second * 2 + i) for i in range(20)]
        live.add(batch((second + 10) * 1_000, rows))
    assert len(live._merged()) <= 2 * 45
    assert len(live._old[AVAILABILITY].total) <= 2 * 600 + 10_800 // 10
    assert live.between(AVAILABILITY, 0, 10_800) == (1_080, 21_600)
    assert live.between(AVAILABILITY, 5_000, 10_800) == (580, 11_600)
    assert live.between(AVAILABILITY, 4_998, 10_800) == (580, 11_600)


def test_it_is_quick_enough_for_a_guard() -> None:
    """Two minutes at 1,000 requests a second, every sentence asked: far less than the 250 ms between two looks."""
    live = Live(TRAFFIC)
    source = np.random.default_rng(1)
    starts = np.sort(source.integers(0, 120_000, 120_000))
    rows = [(int(s), 20, OK, i % 2, i // 2) for i, s in enumerate(starts)]
    live.add(batch(120_000, rows))
    conditions = [load(shape) for shape in LOAD_SLIS.values()] + [SLOW]
    live.recent(AVAILABILITY, 1.0)
    best_s = min(_timed(live, conditions) for _ in range(5))
    assert best_s < 0.1


def _timed(live: Live, conditions: list[Condition]) -> float:
    started_s = time.perf_counter()
    for condition in conditions:
        live.recent(condition, 1.0)
    return time.perf_counter() - started_s
