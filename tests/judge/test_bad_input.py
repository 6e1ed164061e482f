"""Records in which something cannot be: inconclusive rather than wrong, and each says what it was."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

from chaos.judge import judge
from chaos.model.event import WindowEnded, WindowStarted
from chaos.model.journal import Sample
from chaos.model.objective import Op
from chaos.model.sli import Shape, Source
from chaos.model.verdict import Check, Outcome

NAN = float("nan")


def check_of(story: Any, window: str = "during 1", condition: str = "") -> Check:
    return next(c for c in judge(story.journal()).checks if c.window == window and condition in c.condition)


def read_every_second(story: Any, sli: str, **numbers: float) -> tuple[Sample, ...]:
    return tuple(Sample(at_s=t + 0.5, sli=sli, **numbers) for t in range(int(story.end_s)))


def in_the_middle(story: Any, samples: tuple[Sample, ...], **numbers: float) -> tuple[Sample, ...]:
    """The same with one reading, in the middle of the fault, replaced."""
    import msgspec

    start_s, end_s = story.span("during 1")
    middle = int((start_s + end_s) / 2)
    return tuple(msgspec.structs.replace(s, **numbers) if int(s.at_s) == middle else s for s in samples)


@pytest.fixture
def stock(make: Any) -> Any:
    """A gauge that is read for long enough to be held."""
    gauge = make.of(Shape.GAUGE, "stock-left", Op.GE, 0.0, 0.05, Source.SQL)
    return make.Story(conditions=(gauge,), during_s=70, after_s=70)


@pytest.fixture
def hits(make: Any) -> Any:
    """Two counters of which one is the other's share."""
    return make.Story(conditions=(make.of(Shape.COUNTER_RATIO, "cache-hits", Op.GE, 0.8, 0.2, Source.PROMETHEUS),))


@pytest.mark.parametrize("value", [NAN, float("inf"), -float("inf")])
def test_a_gauge_that_is_no_number_is_neither_good_nor_bad(stock: Any, value: float) -> None:
    """What a division by zero leaves: not counted, and nothing is held in that window. The others are as ever."""
    good = read_every_second(stock, "stock-left", value=3.0)
    stock.samples = in_the_middle(stock, good, value=value)
    check = check_of(stock)
    assert (check.outcome, check.bad) == (Outcome.INCONCLUSIVE, 0)
    assert "a reading of stock-left was" in check.text
    assert "which is no number" in check.text
    assert check_of(stock, "after 1").outcome is Outcome.HELD


def test_a_nan_among_the_counts_is_no_good_event(hits: Any) -> None:
    """NaN compares as false with everything: taken as it comes, it would read as nothing bad."""
    hits.samples = in_the_middle(hits, read_every_second(hits, "cache-hits", good=95.0, total=100.0), good=NAN)
    check = check_of(hits)
    assert check.outcome is Outcome.INCONCLUSIVE
    assert "nan of 100, which is no number" in check.text


@pytest.mark.parametrize("numbers", [{"good": 120.0}, {"good": -40.0, "total": -50.0}, {"good": -1.0}])
def test_a_counter_that_went_back_is_not_counted(hits: Any, numbers: dict[str, float]) -> None:
    """More good than there are, or less than none: whoever read it missed a reset."""
    hits.samples = in_the_middle(hits, read_every_second(hits, "cache-hits", good=95.0, total=100.0), **numbers)
    check = check_of(hits)
    assert check.outcome is Outcome.INCONCLUSIVE
    assert "was a counter reset?" in check.text
    assert check.total % 100 == 0
    assert check.bad == check.total / 20


def test_a_ratio_of_nothing_is_not_held(hits: Any) -> None:
    """0 of 0, all the time: no events, so nothing is known."""
    hits.samples = read_every_second(hits, "cache-hits", good=0.0, total=0.0)
    check = check_of(hits)
    assert (check.outcome, check.total, check.value) == (Outcome.INCONCLUSIVE, 0, None)
    assert "no events in this window" in check.text


def test_a_window_without_traffic_is_not_held(make: Any) -> None:
    """Nor compared with one that has some."""
    story = make.Story(
        conditions=(make.availability(), make.p99(), make.no_worse()), before_s=40.0, during_s=40.0, after_s=40.0
    )
    start_s, end_s = story.span("during 1")
    at_s = story.requests.start_us / 1e6
    story.requests = story.requests.only((at_s < start_s) | (at_s >= end_s))
    verdict = judge(story.journal())
    checks = [c for c in verdict.checks if c.window == "during 1"]
    assert verdict.exit_code == 2
    assert [(c.outcome, c.total) for c in checks] == [(Outcome.INCONCLUSIVE, 0)] * 3
    assert "no requests in this window" in checks[0].text
    assert "'during 1' has 0 of the 1,000 samples" in checks[2].text


@pytest.mark.parametrize("percent", [100.0, 0.0])
def test_an_objective_that_cannot_be_proven_or_broken_is_judged_without_a_crash(make: Any, percent: float) -> None:
    """No file of today's can ask for one; a record from elsewhere may. 100 % is never held, and 0 % never broken."""
    story = make.Story(conditions=(make.availability(percent),)).fail("during 1", 0.01)
    outcome = check_of(story).outcome
    assert outcome is (Outcome.DEVIATED if percent else Outcome.HELD)
    assert check_of(story, "after 1").outcome is (Outcome.INCONCLUSIVE if percent else Outcome.HELD)


def test_a_clock_that_goes_back_leaves_its_window_undecided(make: Any) -> None:
    """A window that ended before it began, by the record."""
    story = make.Story()
    start_s = story.span("during 1")[0]
    story.events = [
        WindowEnded(at_s=start_s - 3.0, window=1) if isinstance(e, WindowEnded) and e.window == 1 else e
        for e in story.events
    ]
    check = check_of(story)
    assert check.outcome is Outcome.INCONCLUSIVE
    assert "it lasted -3.0 s of 20 s" in check.text
    story.events = [e for e in story.events if not (isinstance(e, WindowStarted) and e.window == 1)]
    assert "it never began" in check_of(story).text


def test_requests_that_ended_before_they_began_are_not_quick_ones(make: Any) -> None:
    """The generator's clock went back: a p99 of less than nothing is no good p99."""
    story = make.Story()
    back = story.chosen("during 1", 0.5)
    latency = np.where(back, np.int64(-500_000), story.requests.latency_us)
    story.requests = dataclasses.replace(story.requests, latency_us=latency)
    check = check_of(story, condition="p99")
    assert check.outcome is Outcome.INCONCLUSIVE
    assert "requests ended before they began: the generator's clock went back" in check.text
    assert check_of(story, "after 1").outcome is Outcome.HELD


def test_a_histogram_with_other_buckets_is_not_compared(make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """What raises makes its own check inconclusive, with the reason, and no other."""
    from chaos.judge import compare
    from chaos.stats.histogram import Layout
    from chaos.stats.histogram import per_second as ours

    monkeypatch.setattr(compare, "per_second", lambda at, values, count: ours(at, values, count, Layout(sub_bits=5)))
    story = make.Story(conditions=(make.availability(), make.no_worse()), before_s=40, during_s=40, after_s=40)
    check = check_of(story, condition="no worse")
    assert check.outcome is Outcome.INCONCLUSIVE
    assert "a histogram with other buckets" in check.text
    assert check_of(story, condition="availability").outcome is Outcome.HELD
