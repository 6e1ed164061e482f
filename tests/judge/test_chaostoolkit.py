"""The stock engine's false greens, read in its own journals."""

from __future__ import annotations

from typing import Any

import pytest

from chaos.judge.chaostoolkit import judge_chaostoolkit

PROBE = {"type": "probe", "name": "the shop answers", "provider": {"type": "python"}}
MET = {"steady_state_met": True, "probes": [{"activity": PROBE, "status": "succeeded"}]}
NOT_MET = {**MET, "steady_state_met": False}


def ran(provider: str = "process", status: object = 0, *, raised: bool = False, **more: str) -> dict[str, Any]:
    """One activity as the engine writes it down."""
    activity = {"type": "action", "name": "an action", "provider": {"type": provider, **more}}
    output = None if raised else {"status": status}
    return {"activity": activity, "status": "failed" if raised else "succeeded", "output": output}


def journal(**changes: Any) -> dict[str, Any]:
    """A run in which everything was well, but for the changes."""
    rollbacks = [{"type": "action", "name": "put it back", "provider": {"type": "process"}}]
    return {
        "status": "completed",
        "experiment": {"steady-state-hypothesis": {"probes": [PROBE]}, "rollbacks": rollbacks},
        "steady_states": {"before": MET, "after": MET, "during": []},
        "run": [ran()],
        "rollbacks": [ran()],
    } | changes


def states(**changes: Any) -> dict[str, Any]:
    return {"before": MET, "after": MET, "during": []} | changes


def judged(**changes: Any) -> tuple[int, str]:
    """The exit code, and all reasons as one text."""
    _, _, code, reasons = judge_chaostoolkit(journal(**changes))
    return code, "; ".join(reasons)


def test_what_went_well_says_when_it_was_checked() -> None:
    """Only the phases that the engine really looked at are named."""
    assert judged() == (0, "the hypothesis was met before and after the method")
    assert judged(steady_states=states(before=None)) == (0, "the hypothesis was met after the method")


@pytest.mark.parametrize("hypothesis", [None, {}, {"title": "nothing", "probes": []}])
def test_without_probes_nothing_is_claimed(hypothesis: dict[str, Any] | None) -> None:
    """A hypothesis that asks nothing is none."""
    assert judged(experiment={"steady-state-hypothesis": hypothesis}) == (0, "completed, no hypothesis")


def test_t1_a_failure_during_the_method_is_a_deviation() -> None:
    """Whatever the check after it says."""
    code, reasons = judged(steady_states=states(during=[MET, NOT_MET, NOT_MET]))
    assert (code, reasons) == (1, "during the method the hypothesis was not met 2 times (the shop answers)")


def test_a_hypothesis_that_was_only_checked_before_shows_nothing() -> None:
    """The method may have broken everything."""
    code, reasons = judged(steady_states=states(after=None))
    assert code == 2
    assert "neither during nor after" in reasons


@pytest.mark.parametrize("ended", [{"status": "interrupted"}, {"status": "aborted"}, {"saleproof-error": "OSError: x"}])
def test_t2_rollbacks_that_an_early_end_has_skipped_exit_3(ended: dict[str, str]) -> None:
    """The file's own strategy may say so: what it undoes is in place all the same."""
    code, reasons = judged(**ended, rollbacks=[])
    assert code == 3
    assert "put it back: the rollback was not run" in reasons


@pytest.mark.parametrize(
    ("run", "said"),
    [
        (ran(raised=True), "the activity failed"),
        (ran(status=1), "exited with 1"),
        (ran("http", 503), "was answered 503"),
    ],
)
def test_t6_an_injection_that_failed_is_inconclusive(run: dict[str, Any], said: str) -> None:
    """Also where the engine calls it succeeded."""
    assert judged(run=[run]) == (2, f"an action: {said}")


@pytest.mark.parametrize(
    "run", [ran(raised=True), ran(status=1), ran("http", 503, method="DELETE"), ran("http", 404, method="PUT")]
)
def test_t7_a_rollback_that_was_told_no_exits_3(run: dict[str, Any]) -> None:
    """A server that answers 503 has put nothing back."""
    code, reasons = judged(rollbacks=[run])
    assert code == 3
    assert "may still be in place" in reasons


@pytest.mark.parametrize(
    "run",
    [ran("http", 204, method="DELETE"), ran("http", 404, method="DELETE"), ran("python", 500), ran("process", None)],
)
def test_a_rollback_that_did_its_work_is_none_of_these(run: dict[str, Any]) -> None:
    """Deleting what is gone is no failure, and a Python function's answer means what its author wants."""
    assert judged(rollbacks=[run])[0] == 0
