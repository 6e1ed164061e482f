"""The Chaos Toolkit's engine as sequencer: the order of things, and what stops it."""

from __future__ import annotations

from typing import Any

import msgspec
from chaoslib.experiment import ensure_experiment_is_valid

from chaos.engine.compile import compile_plan
from chaos.engine.runner import execute
from chaos.engine.signals import Signals
from chaos.model.event import FaultConfirmed, GuardBreached
from chaos.model.sli import Shape
from chaos.model.verdict import Status

from .conftest import AVAILABILITY, make_plan


def run(stage: Any) -> dict[str, Any]:
    with Signals(stage.session.interrupt) as signals:
        signals.install()
        return execute(stage.session, signals)


def test_a_compiled_plan_is_a_valid_chaos_toolkit_experiment() -> None:
    """The Chaos Toolkit itself says so."""
    ensure_experiment_is_valid(compile_plan(make_plan(steps=3)))


def test_a_comparison_with_before_is_the_whole_runs_and_no_probe_of_its_own(make_stage: Any) -> None:
    """Nothing can be compared while the baseline is measured; our verdict, the last probe, has it. The sentences that
    are probed keep their numbers in every window, so that the after state is the same question."""
    compares = msgspec.structs.replace(
        AVAILABILITY, text="p99 no worse than before", sli="p99", shape=Shape.LATENCY, percentile=99.0, tolerance=0.2
    )
    plan = make_plan()
    windows = tuple(
        w if w.phase == "before" else msgspec.structs.replace(w, conditions=(*w.conditions, compares))
        for w in plan.windows
    )
    plan = msgspec.structs.replace(plan, windows=windows)
    exported = compile_plan(plan)
    ensure_experiment_is_valid(exported)
    names = [probe["name"] for probe in exported["steady-state-hypothesis"]["probes"]]
    assert names == [AVAILABILITY.text, "the whole run, as Saleproof judges it"]
    stage = make_stage(plan)
    asked = []
    stage.session.figures = lambda window, condition: asked.append((window.name, condition.text)) or {"value": 0.0}
    assert run(stage)["status"] == "completed"
    assert set(asked) == {("before", AVAILABILITY.text), ("after 1", AVAILABILITY.text)}


def test_three_injections_have_four_steady_state_windows(make_stage: Any) -> None:
    """Before, between, between, after: each injection is checked on both sides."""
    stage = make_stage(make_plan(steps=3))
    journal = run(stage)
    assert journal["status"] == "completed"
    assert journal["deviated"] is False
    windows = stage.session.plan.windows
    seen = [windows[e.window].name for e in stage.events if type(e).__name__ == "WindowStarted"]
    assert seen == ["before", "during 1", "after 1", "during 2", "after 2", "during 3", "after 3"]
    assert stage.in_place() == []


def test_nothing_is_injected_into_a_shop_that_is_not_steady(make_stage: Any) -> None:
    """The hypothesis fails before the method: no fault, and the engine's journal does not say deviated."""
    stage = make_stage()
    stage.session.figures = lambda window, condition: {"value": 0.5, "bad": 100, "total": 200, "text": ""}
    journal = run(stage)
    assert "FaultIntended" not in stage.kinds()
    assert journal["deviated"] is False
    assert journal["steady_states"]["before"]["steady_state_met"] is False


def test_a_whole_run_that_did_not_hold_is_a_deviation_in_the_journal(make_stage: Any) -> None:
    """T1: failing only during the fault must not end as `deviated: false`."""
    stage = make_stage()
    stage.session.conclude = lambda: {"status": 1, "outcome": "deviated"}
    assert run(stage)["deviated"] is True


def test_an_abort_stops_the_method_and_leaves_nothing(make_stage: Any) -> None:
    """T2 and T5: the abort reverts, ends the wait, and the second step never runs."""
    stage = make_stage(make_plan(steps=2))

    def abort_then(event: object) -> None:
        stage.events.append(event)
        if isinstance(event, FaultConfirmed):
            stage.session.abort(GuardBreached(at_s=stage.session.at_s(), condition="error-rate > 25%", value="60%"))

    stage.session.emit = abort_then
    journal = run(stage)
    assert journal["status"] == "aborted"
    assert stage.session.status is Status.ABORTED
    assert stage.kinds().count("FaultIntended") == 1
    assert stage.in_place() == []


def test_a_failed_injection_ends_the_run(make_stage: Any) -> None:
    """T6: injection failed, shop healthy, is never `completed`."""
    stage = make_stage(breaks="inject")
    run(stage)
    assert stage.session.status is Status.ABORTED
    assert "half done" in stage.session.reason
    assert stage.in_place() == []


def test_an_exception_from_the_engine_reverts_all_the_same(make_stage: Any) -> None:
    """Whatever escapes the engine, the faults come first."""
    stage = make_stage()

    def explode(event: object) -> None:
        stage.events.append(event)
        if isinstance(event, FaultConfirmed):
            raise SystemExit(30)  # what the Chaos Toolkit calls leaving without rollbacks

    stage.session.emit = explode
    run(stage)
    assert stage.in_place() == []
    assert stage.ledger.entries() == ()
