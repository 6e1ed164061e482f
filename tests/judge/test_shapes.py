"""Every shape of an SLI becomes a bad fraction; counts, bins and words, from records written by hand."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

from chaos.judge import judge
from chaos.model.journal import Sample
from chaos.model.objective import Op
from chaos.model.requests import Failure
from chaos.model.sli import Shape, Source
from chaos.model.verdict import Check, Outcome


def check_of(story: Any, window: str = "during 1") -> Check:
    return next(c for c in judge(story.journal()).checks if c.window == window)


def test_error_rate_is_availability_from_the_other_side(make: Any) -> None:
    """The same count, and its own value."""
    rate = make.of(Shape.ERROR_RATE, "error-rate", Op.LT, 0.01, 0.01)
    check = check_of(make.Story(conditions=(rate,)).fail("during 1", 0.2))
    assert check.outcome is Outcome.DEVIATED
    assert check.value == pytest.approx(0.2, abs=0.03)
    assert check.low is not None
    assert check.low < 0.2 < (check.high or 0)
    assert "requests failed" in check.text


def test_throughput_counts_what_was_never_answered(make: Any) -> None:
    """An answer of 503 is an answer."""
    offered = make.of(Shape.THROUGHPUT, "throughput", Op.GE, 0.95, 0.05)
    assert check_of(make.Story(conditions=(offered,)).fail("during 1", 0.5)).outcome is Outcome.HELD
    refused = make.Story(conditions=(offered,)).fail("during 1", 0.5, failure=Failure.REFUSED)
    assert check_of(refused).outcome is Outcome.DEVIATED


def test_transactions_count_customers(make: Any) -> None:
    """Four good steps are one good transaction; one bad step spoils it."""
    bought = make.of(Shape.TRANSACTIONS, "transactions", Op.GE, 0.95, 0.05)
    story = make.Story(conditions=(bought,)).fail("during 1", 0.4, "checkout")
    check = check_of(story)
    assert check.outcome is Outcome.DEVIATED
    assert check.total == pytest.approx(20 * 50, rel=0.1)
    assert check.bad == pytest.approx(0.4 * check.total, rel=0.15)
    assert "transactions failed" in check.text


def test_a_journey_that_goes_on_into_the_fault_is_not_held_against_the_time_before(make: Any) -> None:
    """Customers who began before and were hit during it belong to no steady state."""
    affected = make.of(Shape.CUSTOMERS, "customers-affected", Op.LT, 0.01, 0.01)
    story = make.Story(conditions=(make.availability(), affected))
    # Customers of ten seconds and four requests each: a third of those who began before are there when the fault comes.
    number = np.arange(len(story.requests)) + 1000
    story.requests = dataclasses.replace(story.requests, customer=number // 2000 * 500 + number % 500)
    story.fail("during 1", 1.0)
    verdict = judge(story.journal())
    before = [c for c in verdict.checks if c.window == "before"]
    assert [c.outcome for c in before] == [Outcome.HELD, Outcome.HELD]
    assert before[1].total > 900
    assert verdict.customers_affected > 1000


def gauge(make: Any) -> Any:
    return make.of(Shape.GAUGE, "stock-left", Op.GE, 0.0, 0.05, Source.SQL)


def test_a_gauge_is_bad_per_reading(make: Any) -> None:
    """59 good readings prove 5 %; a second of them beyond the threshold is one bad reading."""
    story = make.Story(conditions=(gauge(make),), during_s=70, after_s=70)
    good = tuple(Sample(at_s=t + 0.5, sli="stock-left", value=3.0) for t in range(int(story.end_s)))
    story.samples = good
    assert judge(story.journal()).exit_code == 0
    start = story.span("during 1")[0]
    story.samples = tuple(changed(s, value=-1.0) if start + 5 < s.at_s < start + 20 else s for s in good)
    check = check_of(story)
    assert check.outcome is Outcome.DEVIATED
    assert check.bad == pytest.approx(15, abs=1)
    assert "readings were beyond it" in check.text


def changed(sample: Sample, **changes: Any) -> Sample:
    import msgspec

    return msgspec.structs.replace(sample, **changes)


def test_counts_of_a_reading_that_reaches_into_another_window_are_left_out(make: Any) -> None:
    """The first reading after the recovery still has the fault's time in it."""
    hits = make.of(Shape.COUNTER_RATIO, "cache-hits", Op.GE, 0.8, 0.2, Source.PROMETHEUS)
    story = make.Story(conditions=(hits,))
    start = story.span("after 1")[0]
    story.samples = tuple(
        Sample(at_s=t + 0.3, sli="cache-hits", good=0 if t + 0.3 < start + 1 else 90, total=100, service=service)
        for t in range(int(story.end_s)) for service in ("web-1", "web-2")
    )  # fmt: skip
    after = check_of(story, "after 1")
    assert after.bad == after.total / 10
    assert after.value == pytest.approx(0.9)
    assert check_of(story).outcome is Outcome.DEVIATED


def test_a_histogram_that_is_counted_for_each_sentence_is_judged_by_its_own(make: Any) -> None:
    """`during` may allow more; each sentence has samples under its own text."""
    strict = make.of(Shape.HISTOGRAM, "db-query.p95", Op.LT, 0.05, 0.05, Source.PROMETHEUS)
    loose = make.of(Shape.HISTOGRAM, "db-query.p95", Op.LT, 0.5, 0.05, Source.PROMETHEUS)
    story = make.Story(conditions=(strict,), during=(loose,))
    start, end = story.span("during 1")
    story.samples = tuple(
        Sample(at_s=t + 0.5, sli=c.text, good=20 if c is strict and start < t < end else 99, total=100)
        for t in range(int(story.end_s)) for c in (strict, loose)
    )  # fmt: skip
    assert judge(story.journal()).exit_code == 0
    assert check_of(story).text.startswith("19 of 1,900 observations were slower") or check_of(story).total > 1500


def test_no_sample_at_all_is_inconclusive(make: Any) -> None:
    """A source that never answered and never complained."""
    story = make.Story(conditions=(make.availability(), gauge(make)))
    verdict = judge(story.journal())
    assert verdict.exit_code == 2
    assert any("no readings in this window" in reason for reason in verdict.reasons)


@pytest.mark.parametrize("burst", [1, 8])
def test_runs_at_exactly_the_budget_deviate_at_most_one_time_in_a_hundred(make: Any, burst: int) -> None:
    """250 seeded runs without a fault's effect, two conditions, three windows; independent failures and bursts of 8.
    At most 8 alarms are compatible with 1 % (probability 99.7 %); a per-request test would give dozens."""
    story = make.Story(conditions=(make.availability(), make.p99(0.1)), during_s=15, after_s=15)
    journal = story.journal()
    requests = journal.requests
    dice = np.random.default_rng(20261121 + burst)
    alarms = 0
    for _ in range(250):
        n = len(requests)
        hit = [np.repeat(dice.random(n // burst + 1) < 0.01, burst)[:n] for _ in range(2)]
        failure = np.where(hit[0], np.int32(Failure.STATUS), np.int32(Failure.NONE))
        # A failed request says nothing about speed, so slowness is drawn among the others: 1 % of those that count.
        latency = np.where(hit[1], np.int64(200_000), np.int64(20_000))
        drawn = dataclasses.replace(requests, failure=failure, latency_us=latency)
        verdict = judge(dataclasses.replace(journal, requests=drawn))
        alarms += any(c.outcome is Outcome.DEVIATED for c in verdict.checks)
    print(f"{alarms} of 250 runs")
    assert alarms <= 8
