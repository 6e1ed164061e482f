"""The order that everything hangs on: intent on disk, inject, confirm, wait, revert."""

from __future__ import annotations

from typing import Any

import pytest

from chaos.engine.session import Stopped
from chaos.model.event import FaultConfirmed, FaultIntended, FaultStuck, GuardBreached, WindowEnded
from chaos.model.verdict import Status

from .conftest import make_plan


def test_a_step_injects_confirms_and_reverts(make_stage: Any) -> None:
    """After a step nothing is in place and the ledger is empty."""
    stage = make_stage()
    evidence = stage.session.run_step(stage.session.plan.steps[0])
    assert evidence == [{"fault": "1.1", "place": "a", "confirmed": True, "evidence": "looked"}]
    assert stage.kinds() == [
        "WindowStarted", "FaultIntended", "FaultInjected", "FaultConfirmed", "WindowEnded", "FaultReverted",
    ]  # fmt: skip
    assert stage.in_place() == []
    assert stage.ledger.entries() == ()


def test_the_intent_is_on_disk_before_anything_is_touched(make_stage: Any) -> None:
    """At the moment of the intent event, the ledger has the undo record and the fault is not there yet."""
    stage = make_stage()
    seen: list[tuple[int, list[str]]] = []

    def look(event: object) -> None:
        stage.events.append(event)
        if isinstance(event, FaultIntended):
            seen.append((len(stage.ledger.entries()), stage.in_place()))

    stage.session.emit = look
    stage.session.run_step(stage.session.plan.steps[0])
    assert seen == [(1, [])]


def test_an_injection_that_fails_half_way_is_reverted(make_stage: Any) -> None:
    """What inject left behind when it raised is taken back too."""
    stage = make_stage(breaks="inject")
    with pytest.raises(RuntimeError, match="half done"):
        stage.session.run_step(stage.session.plan.steps[0])
    assert "FaultFailed" in stage.kinds()
    assert stage.in_place() == []
    assert stage.ledger.entries() == ()


def test_the_second_place_failing_reverts_the_first(make_stage: Any) -> None:
    """Faults that were injected before the one that failed do not stay."""
    stage = make_stage(make_plan(("a", "b")))
    body = stage.session.faults["1.1"]
    inject = body.inject
    body.inject = lambda undo, ground: (
        inject(undo, ground) if undo.where == "a" else (_ for _ in ()).throw(OSError("no"))
    )
    with pytest.raises(OSError, match="no"):
        stage.session.run_step(stage.session.plan.steps[0])
    assert stage.in_place() == []


def test_nothing_is_injected_after_a_stop(make_stage: Any) -> None:
    """The stop flag is looked at before each injection."""
    stage = make_stage()
    stage.session.interrupt("SIGTERM")
    with pytest.raises(Stopped):
        stage.session.run_step(stage.session.plan.steps[0])
    assert "FaultIntended" not in stage.kinds()
    assert stage.session.status is Status.INTERRUPTED


def test_the_guard_reverts_by_itself(make_stage: Any) -> None:
    """An abort takes the faults back without waiting for the main thread, and the window is recorded as cut."""
    stage = make_stage()

    def abort_then(event: object) -> None:
        stage.events.append(event)
        if isinstance(event, FaultConfirmed):
            stage.session.abort(GuardBreached(at_s=stage.session.at_s(), condition="error-rate > 25%", value="60%"))
            assert stage.in_place() == []

    stage.session.emit = abort_then
    with pytest.raises(Stopped):
        stage.session.run_step(stage.session.plan.steps[0])
    assert stage.session.status is Status.ABORTED
    cut = [event.cut for event in stage.events if isinstance(event, WindowEnded)]
    assert cut == ["the run was stopped"]


def test_the_first_reason_to_stop_is_kept(make_stage: Any) -> None:
    """A signal after an abort does not make it an interruption."""
    stage = make_stage()
    stage.session.abort(GuardBreached(at_s=0.0, condition="error-rate > 25%", value="60%"))
    stage.session.interrupt("SIGINT")
    assert stage.session.status is Status.ABORTED


def test_a_confirmation_that_breaks_is_not_a_confirmation(make_stage: Any) -> None:
    """It is recorded as not confirmed, with the reason."""
    stage = make_stage(breaks="confirm")
    evidence = stage.session.run_step(stage.session.plan.steps[0])
    assert evidence[0]["confirmed"] is False
    assert "cannot measure" in evidence[0]["evidence"]


def test_a_fault_that_went_away_by_itself_did_not_bite(make_stage: Any) -> None:
    """Confirmed at first and gone before its end: the last word is that it was not in place."""
    stage = make_stage()

    def vanish(event: object) -> None:
        stage.events.append(event)
        if isinstance(event, FaultConfirmed) and event.evidence.confirmed:
            (stage.folder / "a").unlink()

    stage.session.emit = vanish
    stage.session.run_step(stage.session.plan.steps[0])
    words = [event.evidence for event in stage.events if isinstance(event, FaultConfirmed)]
    assert [word.confirmed for word in words] == [True, False]
    assert "gone before its end" in words[-1].text


def test_what_cannot_be_reverted_stays_in_the_ledger(make_stage: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stuck is said with its error, and `recover` can still find it."""
    monkeypatch.setattr("chaos.engine.revert.PAUSE_S", 0.0)
    stage = make_stage(breaks="revert")
    stage.session.run_step(stage.session.plan.steps[0])
    stuck = [event for event in stage.events if isinstance(event, FaultStuck)]
    assert "by hand" in stuck[0].error
    assert [entry.place for entry in stage.ledger.entries()] == ["a"]
    assert len(stage.session.stuck) == 1


def test_shorter_faults_of_a_step_go_first(make_stage: Any) -> None:
    """`together` faults keep their own durations."""
    import msgspec

    from chaos.model.event import FaultReverted
    from chaos.units import Duration

    plan = make_plan()
    short = msgspec.structs.replace(plan.steps[0].faults[0], id="1.2", places=("b",), duration=Duration(3))
    step = msgspec.structs.replace(plan.steps[0], faults=(*plan.steps[0].faults, short))
    stage = make_stage(msgspec.structs.replace(plan, steps=(step,)))
    stage.session.run_step(step)
    reverted = {event.place: event.at_s for event in stage.events if isinstance(event, FaultReverted)}
    assert reverted == {"b": 3.0, "a": 10.0}
