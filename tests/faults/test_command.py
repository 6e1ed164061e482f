"""`command`."""

from __future__ import annotations

import sys
import time
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from chaos import faults
from chaos.errors import RevertFailed, Unavailable
from chaos.faults.command import Command
from chaos.units import Duration

PRINTED = 20_000_000

FLAG = {"run": ("touch", "flag"), "undo": ("rm", "-f", "flag"), "check": ("test", "-e", "flag")}


def command(**changes: Any) -> Command:
    return Command(**(FLAG | changes))


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"run": ()}, "run is empty"),
        ({"undo": ("",)}, "undo is empty"),
        ({"check": ("a\0b",)}, "NUL"),
        ({"env": {"A=B": "c"}}, "not a name that an environment can have"),
        ({"timeout": Duration(0)}, "timeout is 0s"),
    ],
)
def test_values_that_make_no_sense_are_refused(changes: dict[str, Any], says: str) -> None:
    """Before anything is run."""
    with pytest.raises(ValueError, match=says):
        command(**changes)


def test_a_check_that_passes_beforehand_is_refused() -> None:
    """It could not tell the fault from its absence."""
    with pytest.raises(Unavailable, match="check exits with 0 before anything was run"):
        command(check=("true",)).prepare("command", None)


def test_a_check_that_never_passes_does_not_confirm() -> None:
    """Whatever the exit code of `run` was."""
    fault = command(check=("false",))
    undo = fault.prepare("command", None)
    fault.inject(undo, None)
    assert not fault.confirm(undo, None).confirmed


def test_a_run_that_fails_says_what_it_printed() -> None:
    """And with which exit code."""
    fault = command(run=("sh", "-c", "echo no room >&2; exit 3"))
    undo = fault.prepare("command", None)
    with pytest.raises(Unavailable, match=r"run exited with 3: .*: no room"):
        fault.inject(undo, None)


def test_a_program_that_prints_a_lot_takes_no_memory_of_ours() -> None:
    """Only the end of what it printed is read."""
    says = f"import sys; print('x' * {PRINTED}); print('no room'); sys.exit(3)"
    fault = command(run=(sys.executable, "-c", says))
    undo = fault.prepare("command", None)
    tracemalloc.start()
    try:
        with pytest.raises(Unavailable, match=r"run exited with 3: .*no room"):
            fault.inject(undo, None)
        assert tracemalloc.get_traced_memory()[1] < PRINTED / 4
    finally:
        tracemalloc.stop()


def test_an_undo_that_does_nothing_is_not_believed() -> None:
    """Exit code 0 is not proof: `check` is. The message has the command and its folder."""
    fault = command(undo=("true",))
    undo = fault.prepare("command", None)
    fault.inject(undo, None)
    with pytest.raises(RevertFailed, match=f"check still exits with 0. Undo it by hand, in {Path.cwd()}: true"):
        faults.revert(undo)


def test_an_undo_that_fails_is_fine_when_the_fault_is_gone() -> None:
    """Reverting twice, for example."""
    fault = command(undo=("rm", "flag"))
    undo = fault.prepare("command", None)
    fault.inject(undo, None)
    faults.revert(undo)
    faults.revert(undo)


@pytest.mark.parametrize("check", [("no-such-program",), ("sh", "-c", "kill -9 $$"), ("sleep", "60")])
def test_a_check_that_cannot_tell_is_never_taken_for_gone(check: tuple[str, ...]) -> None:
    """It did not start, died of a signal, or took too long."""
    fault = command(timeout=Duration(0.5))
    undo = fault.prepare("command", None)
    fault.inject(undo, None)
    broken = type(undo)(kind=undo.kind, where=undo.where, data=undo.data | {"check": list(check)})
    with pytest.raises(Unavailable):
        faults.is_present(broken)
    with pytest.raises(RevertFailed):
        faults.revert(broken)


def test_a_program_that_hangs_is_ended_with_its_children() -> None:
    """Also when a child holds on to its output."""
    fault = command(run=("sh", "-c", "sleep 60 & sleep 60"), timeout=Duration(0.5))
    undo = fault.prepare("command", None)
    began_s = time.monotonic()
    with pytest.raises(Unavailable, match="took longer than 500ms"):
        fault.inject(undo, None)
    assert time.monotonic() - began_s < 20


def test_programs_see_little_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the experiment gives, and what every program needs; the rest may be secrets."""
    monkeypatch.setenv("SECRET", "x")
    code = (
        "import os; print(os.environ.get('SECRET'), os.environ['GIVEN'], bool(os.environ['PATH'])); raise SystemExit(5)"
    )
    fault = command(run=(sys.executable, "-c", code), env={"GIVEN": "yes"})
    undo = fault.prepare("command", None)
    with pytest.raises(Unavailable, match="None yes True"):
        fault.inject(undo, None)


def test_no_shell_reads_the_arguments() -> None:
    """A dollar is a dollar."""
    fault = command(run=("touch", "flag", "$HOME; ls"))
    undo = fault.prepare("command", None)
    fault.inject(undo, None)
    assert Path("$HOME; ls").exists()
    faults.revert(undo)
