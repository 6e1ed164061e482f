"""`p99 no worse than before`, from records written by hand."""

from __future__ import annotations

from typing import Any

import pytest

from chaos.judge import judge
from chaos.model.base import to_json
from chaos.model.event import WindowEnded
from chaos.model.requests import Failure
from chaos.model.verdict import Check, Outcome

HELD, DEVIATED, INCONCLUSIVE = Outcome.HELD, Outcome.DEVIATED, Outcome.INCONCLUSIVE


@pytest.fixture
def story(make: Any) -> Any:
    """A run with windows that are long enough to compare."""

    def of(**more: Any) -> Any:
        given = {"conditions": (make.availability(), make.no_worse()), "before_s": 40.0, "during_s": 40.0} | more
        return make.Story(**given, after_s=40.0)

    return of


def compared(journal: Any, window: str = "during 1") -> Check:
    return next(c for c in judge(journal).checks if c.window == window and "no worse" in c.condition)


def test_a_fault_that_nobody_feels_is_held(story: Any) -> None:
    """Proven: even the upper bound is within what is tolerated. Nothing is compared in the window before."""
    verdict = judge(story().journal())
    assert (verdict.outcome, verdict.exit_code) == (HELD, 0)
    assert [c.window for c in verdict.checks if "no worse" in c.condition] == ["during 1", "after 1"]
    check = compared(story().journal())
    assert check.compared is not None
    assert check.compared.high <= check.compared.allowed
    assert (check.compared.block_s, check.compared.resamples, check.compared.blocks_before) == (10, 200, 4.0)
    assert check.compared.alpha == 0.01 / 4  # four tests in the run


def test_twice_as_slow_deviates_however_quick_it_still_is(story: Any) -> None:
    """0.1 s instead of 0.05 breaks no objective of the sale; the comparison sees it, at the window's end."""
    run = story().slower("during 1", 2.0)
    verdict = judge(run.journal())
    assert (verdict.outcome, verdict.exit_code) == (DEVIATED, 1)
    check = compared(run.journal())
    assert check.outcome is DEVIATED
    assert check.decided_at_s == pytest.approx(run.span("during 1")[1])
    assert verdict.reasons[0].startswith("during 1: p99 no worse than before: p99 1")
    assert "times as long; 20 % slower is allowed; " in check.text
    assert check.text.endswith(" at least")
    assert compared(run.journal(), "after 1").outcome is HELD


def test_near_the_tolerance_nobody_can_tell(story: Any) -> None:
    """Inconclusive, and it says how long it would take."""
    check = compared(story(rate=60.0).slower("during 1", 1.15).journal())
    assert check.outcome is INCONCLUSIVE
    assert check.more_needed_s is None or check.more_needed_s > 0
    assert "anything from" in check.text


def test_windows_that_are_too_short_or_too_empty_are_inconclusive(story: Any) -> None:
    """With what it takes, and what there was."""
    assert "'before' has 20 s of the 30 s" in compared(story(before_s=20.0).journal()).text
    check = compared(story(during_s=20.0).slower("during 1", 5.0).journal())
    assert check.outcome is INCONCLUSIVE
    assert "'during 1' has 20 s of the 30 s" in check.text
    assert "of the 1,000 samples that a comparison takes" in compared(story(rate=20.0).journal()).text


def test_a_window_that_was_cut_compares_nothing(story: Any) -> None:
    """Whoever may stop at any moment finds a difference sooner or later."""
    run = story().slower("during 1", 2.0)
    run.events = [
        WindowEnded(at_s=e.at_s, window=1, cut="the guard") if isinstance(e, WindowEnded) and e.window == 1 else e
        for e in run.events
    ]
    check = compared(run.journal())
    assert check.outcome is INCONCLUSIVE
    assert "'during 1' is not whole: the guard" in check.text


def test_quick_failures_do_not_make_it_look_fast(story: Any) -> None:
    """Half of the requests fail at once, the others are twice as slow: a failure says nothing about speed."""
    run = story().slower("during 1", 2.0).fail("during 1", 0.5)
    run.requests.latency_us[run.requests.failure == Failure.STATUS] = 500
    assert compared(run.journal()).outcome is DEVIATED


def test_failures_that_take_long_count_as_slow(story: Any) -> None:
    """A page that says 503 after two seconds was no quick page."""
    run = story().fail("during 1", 0.05)
    run.requests.latency_us[run.requests.failure == Failure.STATUS] = 2_000_000
    assert compared(run.journal()).outcome is DEVIATED


def test_a_late_generator_is_not_the_shops_weakness(story: Any) -> None:
    """The delay that the generator itself made is no difference, and with it nothing is held."""
    check = compared(story().late("during 1", 0.2, share=0.05).journal())
    assert check.outcome is INCONCLUSIVE
    assert "the generator was late in 'during 1'" in check.text
    both = compared(story().slower("during 1", 3.0).late("during 1", 0.2, share=0.05).journal())
    assert both.outcome is DEVIATED


@pytest.mark.parametrize("window", ["before", "during 1"])
def test_only_a_delay_that_moves_the_percentile_matters(make: Any, story: Any, window: str) -> None:
    """One request in twenty is sent 0.2 s late: a p99 is made of those, a median is what it was."""
    conditions = (make.availability(), make.no_worse(percentile=50.0), make.no_worse(percentile=99.0))
    checks = judge(story(conditions=conditions).late(window, 0.2, share=0.05).journal()).checks
    median, p99 = (check for check in checks if check.window == "during 1" and "no worse" in check.condition)
    assert median.outcome is HELD
    assert p99.outcome is INCONCLUSIVE
    assert f"the generator was late in '{window}': that made the p99 " in p99.text
    assert "ms longer, allowed " in p99.text


def test_the_same_record_gives_the_same_figures(story: Any) -> None:
    """The dice of the bootstrap are the run's own: bit for bit the same, whoever judges and when."""
    assert to_json(judge(story().journal())) == to_json(judge(story().journal()))
    first, second = (compared(story().journal(), window).compared for window in ("during 1", "after 1"))
    assert first is not None
    assert second is not None
    assert first.seed != second.seed


def test_a_run_that_never_came_to_its_baseline_compares_nothing(story: Any) -> None:
    """Killed while it warmed up."""
    check = compared(story().until(3.0).journal())
    assert check.outcome is INCONCLUSIVE
    assert check.text == "there is nothing before the fault to compare with"


@pytest.mark.parametrize("seed", range(3))
def test_runs_without_an_effect_do_not_deviate(story: Any, seed: int) -> None:
    """The full suite is `make calibration`; here a few, so that a broken comparison is seen at once."""
    assert judge(story(seed=seed, rate=100.0).journal()).outcome is not DEVIATED
