"""What is left on the machine: a halt, an open ledger."""

from __future__ import annotations

from pathlib import Path

from chaos.engine.halt import HaltFile
from chaos.engine.ledger import Entry, Ledger
from chaos.engine.lock import TargetLock
from chaos.model.fault import Undo
from chaos.preflight import standing
from chaos.preflight.finding import Level


def test_a_halt_is_a_problem_that_says_how_to_go_on(tmp_path: Path) -> None:
    assert standing.halted(tmp_path).level is Level.OK
    HaltFile(tmp_path).write("ana", "sale")
    finding = standing.halted(tmp_path)
    assert finding.level is Level.PROBLEM
    assert "ana" in finding.text
    assert "saleproof resume" in finding.remedy


def test_an_open_ledger_is_a_problem_unless_its_run_is_alive(tmp_path: Path) -> None:
    """A dead run's faults want `recover`; a living run reverts its own."""
    assert standing.ledger(tmp_path).level is Level.OK
    Ledger(tmp_path / "ledger").open(
        Entry(
            run="7",
            fault="1.1",
            place="web -> db",
            target="shop",
            undo=Undo(kind="latency", where="web -> db", data={}),
        )
    )
    dead = standing.ledger(tmp_path)
    assert dead.level is Level.PROBLEM
    assert "saleproof recover" in dead.remedy
    with TargetLock(tmp_path / "locks", "shop", "run 7"):
        assert standing.ledger(tmp_path).level is Level.WARNING


def test_a_ledger_that_cannot_be_read_is_a_problem(tmp_path: Path) -> None:
    """It may hide a fault."""
    (tmp_path / "ledger").mkdir()
    (tmp_path / "ledger" / "x.json").write_text("{")
    assert standing.ledger(tmp_path).level is Level.PROBLEM
