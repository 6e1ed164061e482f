"""The sequential test while a run lasts: quick, seldom wrong, and never ahead of the judge."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec
import numpy as np
import pytest

from chaos.engine.guard import Guard
from chaos.engine.session import Stopped
from chaos.engine.trial import Trial
from chaos.judge import judge
from chaos.load.live import Live
from chaos.model.event import FaultInjected, GuardBreached, GuardBroken, WindowEnded, WindowStarted
from chaos.model.evidence import Evidence
from chaos.model.journal import Journal, RunInfo
from chaos.model.objective import ANY, Condition, Op
from chaos.model.plan import Plan
from chaos.model.sli import Shape, Source
from chaos.model.verdict import Check, Outcome, Status, Verdict
from chaos.stats.binomial import holds
from chaos.stats.early import END_CONFIDENCE
from chaos.stats.sequential import needed
from chaos.units import Duration

from .conftest import ABORT, AVAILABILITY, make_plan
from .customers import TRAFFIC, Customers, Fate, SteppingClock, failing, hanging, healthy

SLOW = Condition(
    text="p99 < 500ms", sli="p99", source=Source.LOAD, shape=Shape.LATENCY, op=Op.LT, threshold=0.5, budget=0.01,
    percentile=99.0,
)  # fmt: skip


@dataclass
class Rehearsed:
    """A run on a stepped clock, its guard looking every 250 ms, and what the judge says of the record."""

    stage: Any
    customers: Customers
    guard: Guard

    def run(self) -> Verdict:
        session = self.stage.session
        try:
            session.measure(session.plan.windows[0])
            session.run_step(session.plan.steps[0])
            session.wait(float(session.plan.recovery))
            session.measure(session.plan.windows[2])
        except Stopped:
            assert session.stop.is_set()
        info = RunInfo(id="r", started_at=datetime(2026, 1, 1, tzinfo=UTC), status=session.status.value)
        return judge(
            Journal(run=info, plan=session.plan, events=tuple(self.stage.events), requests=self.customers.recorded())
        )

    def breach(self) -> GuardBreached:
        (found,) = [event for event in self.stage.events if isinstance(event, GuardBreached)]
        return found

    def began_s(self, window: int) -> float:
        return next(e.at_s for e in self.stage.events if isinstance(e, WindowStarted) and e.window == window)


@pytest.fixture
def rehearse(make_stage: Any) -> Any:
    """Call it with what becomes of the requests, and with what the plan aborts for."""

    def make(
        fate: Fate, *deviated: str, conditions: tuple[Condition, ...] = (AVAILABILITY,), seed: int = 1,
        abort: tuple[Condition, ...] = (), change: Callable[[Plan], Plan] = lambda plan: plan, lag_us: int = 100,
    ) -> Rehearsed:  # fmt: skip
        clock = SteppingClock()
        stage = make_stage(change(with_conditions(make_plan(), conditions, deviated, abort)), clock=clock)
        live = Live(TRAFFIC, conditions)
        customers = Customers(live, fate, seed=seed, lag_us=lag_us)
        guard = Guard(stage.session, live, clock)

        def step() -> None:
            customers.report(stage.session.at_s())
            guard.check()

        clock.on_step = step
        return Rehearsed(stage, customers, guard)

    return make


def with_conditions(
    plan: Plan, conditions: tuple[Condition, ...], deviated: tuple[str, ...], abort: tuple[Condition, ...] = ()
) -> Plan:
    windows = tuple(msgspec.structs.replace(window, conditions=conditions) for window in plan.windows)
    return msgspec.structs.replace(plan, windows=windows, abort=abort, abort_deviated=deviated)


def test_an_outage_is_caught_in_under_a_second(rehearse: Any) -> None:
    """200 requests a second, all of them refused from the first moment of the fault; and the judge agrees."""
    run = rehearse(failing(1.0, since_s=5.0), ANY)
    verdict = run.run()
    assert run.stage.session.status is Status.ABORTED
    assert run.breach().at_s - run.began_s(1) < 1.0
    assert run.stage.in_place() == []
    assert (verdict.outcome, verdict.status, verdict.exit_code) == (Outcome.DEVIATED, Status.ABORTED, 1)
    assert run.breach().condition == "availability >= 99% deviated"
    assert "bad since 5.00 s; E = " in run.breach().value
    assert "200 needed" in run.breach().value


def test_requests_that_hang_deviate_once_they_are_too_slow(rehearse: Any) -> None:
    """Nobody waits for the customers' patience: `p99 < 500ms` is broken half a second after the answers end."""
    run = rehearse(hanging(since_s=5.0), ANY, conditions=(AVAILABILITY, SLOW))
    verdict = run.run()
    assert run.breach().condition.startswith("p99 < 500ms")
    assert run.breach().at_s - run.began_s(1) < 2.0
    assert verdict.outcome is Outcome.DEVIATED


def test_only_what_is_named_aborts(rehearse: Any) -> None:
    """`p99 deviated` is no reason to end a run whose answers are quick and wrong."""
    run = rehearse(failing(1.0, since_s=5.0), "p99", conditions=(AVAILABILITY, SLOW))
    assert run.run().outcome is Outcome.DEVIATED
    assert run.stage.session.status is Status.COMPLETED


def test_before_the_fault_nothing_deviates(rehearse: Any) -> None:
    """A shop that is not steady is inconclusive, and no reason of this kind to abort."""
    run = rehearse(failing(1.0), ANY)
    verdict = run.run()
    assert run.breach().at_s >= run.began_s(1)
    assert verdict.outcome is Outcome.INCONCLUSIVE


@pytest.mark.parametrize(("since_s", "window"), [(2.0, 0), (8.0, 1), (17.5, 2)])
def test_every_phase_is_guarded(rehearse: Any, since_s: float, window: int) -> None:
    """Before, during and after: an abort condition ends the run at once, and what is in place goes."""
    run = rehearse(failing(1.0, since_s=since_s), abort=(ABORT,))
    verdict = run.run()
    assert since_s < run.breach().at_s < since_s + 2.5  # its `for` is a second
    assert ended(run, window).cut == "the run was stopped"
    assert run.stage.in_place() == []
    assert (run.breach().condition, verdict.status, verdict.exit_code) == (ABORT.text, Status.ABORTED, 1)
    assert any(isinstance(event, FaultInjected) for event in run.stage.events) is (window > 0)


def test_a_deviation_after_the_fault_aborts_too(rehearse: Any) -> None:
    """A shop that does not recover."""
    run = rehearse(failing(1.0, since_s=17.5), ANY)
    assert run.run().outcome is Outcome.DEVIATED
    assert 17.5 < run.breach().at_s <= 18.75


def test_a_healthy_shop_is_left_alone(rehearse: Any) -> None:
    """To the end of the window."""
    run = rehearse(healthy, ANY, conditions=(AVAILABILITY, SLOW))
    run.run()
    assert run.stage.session.status is Status.COMPLETED


def test_a_test_that_cannot_be_made_aborts(make_stage: Any) -> None:
    """T3: whoever asked to be watched is not left unwatched."""

    class Broken:
        def recent(self, condition: Condition, span_s: float) -> tuple[int, int]:
            return 0, 100

        def evidence(self, condition: Condition, start_s: float, first: int = 0) -> Evidence:
            raise RuntimeError("no data")

        def lag_s(self, start_s: float) -> float:
            return 0.0

    stage = make_stage(with_conditions(make_plan(), (AVAILABILITY,), (ANY,)), clock=SteppingClock())
    stage.clock.on_step = Guard(stage.session, Broken(), stage.clock).check
    with pytest.raises(Exception, match="no data"):
        stage.session.run_step(stage.session.plan.steps[0])
    assert any(isinstance(event, GuardBroken) and "no data" in event.error for event in stage.events)


@pytest.mark.parametrize("seed", range(6))
def test_a_trial_never_runs_ahead_of_the_judge(rehearse: Any, seed: int) -> None:
    """Whatever fails and however long requests take: the E of the moment is at most that of the record."""

    def fate(at_s: float, dice: np.random.Generator) -> Any:
        slow = float(dice.choice([0.02, 0.4, 3.0], p=[0.93, 0.05, 0.02]))
        return slow, failing(0.02)(at_s, dice)[1]

    run = rehearse(fate, conditions=(AVAILABILITY, SLOW), seed=seed)
    looked: dict[str, float] = {}
    trials = [Trial(condition, 5.0) for condition in (AVAILABILITY, SLOW)]
    stepped = run.stage.clock.on_step

    def step() -> None:
        stepped()
        if 5.0 <= run.stage.session.at_s() <= 15.0:
            for trial in trials:
                trial.look(run.customers.live)
                before = looked.get(trial.condition.text, 0.0)
                looked[trial.condition.text] = max(before, trial._now.largest)

    run.stage.clock.on_step = step
    verdict = run.run()
    judged = {c.condition: c for c in verdict.checks if c.phase == "during"}
    for text, largest in looked.items():
        assert largest <= judged[text].e_value * (1 + 1e-9)
        assert largest >= 1.0


@pytest.mark.parametrize("burst", [1, 10])
def test_false_aborts_stay_within_alpha(burst: int) -> None:
    """500 windows of a minute, watched every 250 ms, at exactly the budget: alpha is 1 %, so at most 13 of them
    (P(Bin(500, 1 %) > 13) = 0.06 %), one by one and in bursts of ten."""

    class Coins:
        """Bins that are all settled; a second more with each look."""

        def __init__(self, seed: int) -> None:
            dice = np.random.default_rng(seed)
            self.bad = np.minimum(50, dice.binomial(50, 0.01 / burst, 240) * burst)
            self.end = 0

        def evidence(self, condition: Condition, start_s: float, first: int = 0) -> Evidence:
            bad = self.bad[first : self.end]
            return Evidence(first=first, bad=bad, surely_bad=bad, total=np.full(len(bad), 50), settled=self.end)

        def lag_s(self, start_s: float) -> float:
            return 0.0

    alarms = 0
    for seed in range(500):
        coins, trial = Coins(20261125 + 7919 * seed + burst), Trial(AVAILABILITY, 0.0)
        for end in range(4, 241, 4):
            coins.end = end
            trial.look(coins)
        alarms += trial.deviated(needed(1, 0.01))
    assert alarms <= 13


def until_decided(plan: Plan, least_s: float = 5.0) -> Plan:
    """Its windows may end early."""
    windows = tuple(
        w if w.phase == "before" else msgspec.structs.replace(w, least=Duration(least_s)) for w in plan.windows
    )
    return msgspec.structs.replace(plan, windows=windows)


def ended(run: Rehearsed, window: int) -> WindowEnded:
    return next(e for e in run.stage.events if isinstance(e, WindowEnded) and e.window == window)


def during(verdict: Verdict) -> dict[str, Check]:
    return {check.condition: check for check in verdict.checks if check.phase == "during"}


def test_a_window_ends_once_something_has_deviated(rehearse: Any) -> None:
    """The weakness is shown: the fault goes at once, nobody aborts, and the record says what was decided."""
    run = rehearse(failing(1.0, since_s=5.0), conditions=(AVAILABILITY, SLOW), change=until_decided)
    verdict = run.run()
    assert run.stage.session.status is Status.COMPLETED
    assert run.stage.in_place() == []
    end = ended(run, 1)
    assert (end.decided, end.settled_s, end.cut) == ("availability >= 99% deviated", None, "")
    assert end.at_s - run.began_s(1) < 1.0
    assert verdict.outcome is Outcome.DEVIATED
    checks = during(verdict)
    assert checks[AVAILABILITY.text].outcome is Outcome.DEVIATED
    assert checks[SLOW.text].outcome is Outcome.INCONCLUSIVE
    assert "as soon as it was certain that availability >= 99% deviated" in checks[SLOW.text].text
    assert verdict.windows[1].saved_s == pytest.approx(10 - (end.at_s - run.began_s(1)))


def test_a_window_ends_once_everything_is_held(rehearse: Any) -> None:
    """Not before its least, though 500 clean requests are there after 2.5 s; and the judge finds the same."""
    run = rehearse(healthy, conditions=(AVAILABILITY, SLOW), change=until_decided)
    verdict = run.run()
    end = ended(run, 1)
    assert end.decided == "every objective is held"
    assert end.at_s - run.began_s(1) == pytest.approx(5.0)
    assert {check.outcome for check in during(verdict).values()} == {Outcome.HELD}
    assert "certain from what began in the first 4.75 s" in during(verdict)[AVAILABILITY.text].text
    assert verdict.windows[1].saved_s == pytest.approx(5.0)


def test_a_window_that_is_not_decided_lasts_its_longest(rehearse: Any) -> None:
    """At half of the budget nothing is certain after 10 s; then the exact bound has the word, with 96 %."""
    run = rehearse(failing(0.005), conditions=(AVAILABILITY,), change=until_decided)
    verdict = run.run()
    assert ended(run, 1).decided == ""
    assert ended(run, 1).at_s - run.began_s(1) == pytest.approx(10.0)
    check = during(verdict)[AVAILABILITY.text]
    held = holds(check.bad, check.total, 0.01, END_CONFIDENCE)
    assert check.outcome is (Outcome.HELD if held else Outcome.INCONCLUSIVE)


def test_a_late_generator_is_no_proof_that_anything_is_held(rehearse: Any) -> None:
    """The judge would not say so either."""
    run = rehearse(healthy, conditions=(AVAILABILITY,), change=until_decided, lag_us=600_000)
    run.run()
    assert ended(run, 1).decided == ""


@pytest.mark.parametrize("seed", range(8))
def test_the_judge_agrees_with_what_ended_a_window(rehearse: Any, seed: int) -> None:
    """Whatever happens to the requests: decided is decided."""
    dice = np.random.default_rng(seed)
    share, slow = float(dice.choice([0.0, 0.002, 0.01, 0.03, 0.1])), float(dice.choice([0.0, 0.002, 0.02]))

    def fate(at_s: float, dice: np.random.Generator) -> Any:
        lasts_s, failure = failing(share)(at_s, dice)
        return (1.5 if dice.random() < slow else lasts_s), failure

    run = rehearse(fate, conditions=(AVAILABILITY, SLOW), seed=seed, change=until_decided)
    checks = during(run.run())
    decided = ended(run, 1).decided
    if decided == "every objective is held":
        assert {check.outcome for check in checks.values()} == {Outcome.HELD}
    elif decided:
        assert checks[decided.removesuffix(" deviated")].outcome is Outcome.DEVIATED
