"""What a watchdog does when its runner has died, and what it leaves to others."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from chaos import planner
from chaos.engine.ledger import Entry, Ledger
from chaos.engine.lock import TargetLock
from chaos.model.event import FaultReverted, FaultStuck, RunEnded
from chaos.model.fault import Undo
from chaos.model.journal import RunInfo
from chaos.platforms.embedded.platform import EmbeddedPlatform
from chaos.rehearsal.takedown import TakeDown
from chaos.rehearsal.watchdog import clean_up
from chaos.spec import load_experiment
from chaos.spec.target import load_target
from chaos.store import Store

ROOT = Path(__file__).parents[2]


@pytest.fixture
def down(tmp_path: Path) -> Callable[[], Path]:
    """What a run writes down of the shop that it brought up; one file a run."""
    target = load_target(ROOT / "targets" / "shop.yaml")
    return lambda: TakeDown(platform="embedded", target=target).write(tmp_path, "r1")


@pytest.fixture
def taken_down(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The targets that somebody took down."""
    found: list[str] = []
    monkeypatch.setattr(EmbeddedPlatform, "clean", lambda target: found.append(target.name))
    return found


def test_it_takes_down_what_its_run_had_brought_up(
    tmp_path: Path, taken_down: list[str], down: Callable[[], Path]
) -> None:
    """Also when no record of the run was begun, or the store does not open."""
    assert clean_up("r1", tmp_path, str(tmp_path / "runs.db"), down()) == 0
    (tmp_path / "broken.db").write_bytes(b"nonsense" * 1000)
    assert clean_up("r1", tmp_path, str(tmp_path / "broken.db"), down()) == 0
    assert taken_down == ["shop", "shop"]


def test_it_leaves_a_target_that_another_run_has_by_now(
    tmp_path: Path, taken_down: list[str], down: Callable[[], Path], capfd: pytest.CaptureFixture[str]
) -> None:
    """The dead runner's lock went with it, and the next run may have been quicker than the clean-up."""
    with TargetLock(tmp_path / "locks", "shop", "run r2"):
        assert clean_up("r1", tmp_path, str(tmp_path / "runs.db"), down()) == 0
    assert taken_down == []
    assert "run r2" in capfd.readouterr().err


def test_what_its_run_has_taken_down_itself_is_no_failure(tmp_path: Path, taken_down: list[str]) -> None:
    """Who ended with a fault that stays takes its target down and leaves the watchdog the rest."""
    assert clean_up("r1", tmp_path, str(tmp_path / "runs.db"), tmp_path / "down" / "r1.json") == 0
    assert taken_down == []


def test_a_run_that_had_ended_keeps_its_end(tmp_path: Path) -> None:
    """Whether it left a fault that it could not revert, or was killed a moment after its last word: it did not crash.
    What the watchdog took back is added."""
    experiment, target = load_experiment(ROOT / "experiments" / "no-fault.yaml")
    inventory = planner.planned_inventory(target, "resilient", "embedded")
    plan = planner.plan(experiment, target, inventory, variant="resilient", seed=1)
    where = str(tmp_path / "runs.db")
    reason = "everywhere: a fault could not be reverted: it hangs"
    with Store.open(where) as store:
        recorder = store.record(RunInfo(id="r1", started_at=datetime.now(UTC)), plan)
        recorder.event(FaultStuck(at_s=1.0, fault="1.1", place="everywhere", error="it hangs", remedy=""))
        recorder.event(RunEnded(at_s=2.0, status="aborted", reason=reason))
        recorder.finish("aborted")
    undo = Undo(kind="placebo", where="everywhere")
    Ledger(tmp_path / "ledger").open(Entry(run="r1", fault="1.1", place="everywhere", target="shop", undo=undo))
    assert clean_up("r1", tmp_path, where, None) == 0
    with Store.open(where) as store:
        journal, verdict = store.read("r1"), store.verdict("r1")
    assert journal.run.status == "aborted"
    assert [event.reason for event in journal.events if isinstance(event, RunEnded)] == [reason]
    assert [event.by for event in journal.events if isinstance(event, FaultReverted)] == ["watchdog"]
    assert verdict is not None
    assert verdict.status == "aborted"
