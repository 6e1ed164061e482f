"""The halt file, and what a run does when it appears."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from chaos.engine.guard import Guard
from chaos.engine.halt import HaltFile
from chaos.engine.session import Stopped
from chaos.errors import SaleproofError
from chaos.model.event import FaultConfirmed, Halted
from chaos.model.halt import Halt
from chaos.model.verdict import Status


class Steady:
    """Measurements that never breach."""

    def recent(self, condition: object, span_s: float) -> tuple[int, int]:
        return 0, 100


@pytest.fixture
def file(tmp_path: Path) -> HaltFile:
    return HaltFile(tmp_path)


def test_it_says_by_whom_since_when_and_why(file: HaltFile) -> None:
    """What is written is what is read."""
    written, new = file.write("ana", "the sale has begun")
    assert new
    assert file.read() == written
    assert str(written) == f"halted by ana since {written.since}: the sale has begun"


def test_no_file_is_no_halt(file: HaltFile) -> None:
    assert file.read() is None
    assert file.remove() is None


def test_an_empty_file_made_by_hand_halts(file: HaltFile) -> None:
    """`touch` is enough: its owner and its time are by whom and since when."""
    file.path.touch()
    os.utime(file.path, (1_790_000_000, 1_790_000_000))
    halt = file.read()
    assert halt is not None
    assert halt.since == "2026-09-21T14:13:20+00:00"
    assert halt.by
    assert halt.reason == ""


def test_a_line_of_text_is_the_reason(file: HaltFile) -> None:
    """`echo sale > halt`; control characters do not reach a terminal."""
    file.path.write_text("the sale\x1b[31m\nhas begun\n")
    halt = file.read()
    assert halt is not None
    assert halt.reason == "the sale [31m has begun"


@pytest.mark.parametrize("kind", ["folder", "pipe", "dangling link", "bytes", "not readable", "json of another shape"])
def test_whatever_is_there_halts(file: HaltFile, kind: str) -> None:
    """That it is there is what counts, and reading it neither hangs nor raises."""
    match kind:
        case "folder":
            file.path.mkdir()
        case "pipe":
            os.mkfifo(file.path)
        case "dangling link":
            file.path.symlink_to("nowhere")
        case "bytes":
            file.path.write_bytes(b"\xff\xfe\x00" * 3000)
        case "not readable":
            file.path.touch(mode=0)
        case _:
            file.path.write_text('{"who": 3}')
    assert file.read() is not None


def test_a_folder_that_cannot_be_looked_at_halts(tmp_path: Path) -> None:
    """Nobody knows whether it is halted: then it is."""
    (tmp_path / "state").write_text("a file where the folder should be")
    halt = HaltFile(tmp_path / "state").read()
    assert halt is not None
    assert "cannot be looked at" in halt.reason


def test_the_first_halt_stays(file: HaltFile) -> None:
    """A second press does not hide who halted, and why."""
    first, _ = file.write("ana", "sale")
    second, new = file.write("ben", "me too")
    assert (second, new) == (first, False)


def test_resume_takes_it_away_and_says_what_it_was(file: HaltFile) -> None:
    written, _ = file.write("ana")
    assert file.remove() == written
    assert file.read() is None


def test_a_halt_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    """Nobody believes that it is halted when it is not."""
    with pytest.raises(SaleproofError, match="nothing is halted"):
        HaltFile(tmp_path / "missing").write("ana")


def test_a_halt_that_cannot_be_removed_is_an_error(file: HaltFile) -> None:
    file.path.mkdir()
    with pytest.raises(SaleproofError, match="stays halted"):
        file.remove()


def test_the_guard_ends_a_halted_run_as_by_a_person(make_stage: Any, file: HaltFile) -> None:
    """It reverts at once, itself; the run is interrupted, and says by whom."""
    stage = make_stage()
    stage.session.halted = file.read
    guard = Guard(stage.session, Steady(), stage.clock)

    def halt_then(event: object) -> None:
        stage.events.append(event)
        if isinstance(event, FaultConfirmed):
            guard.check()
            assert stage.in_place() == ["a"]
            file.write("ana", "sale")
            guard.check()
            assert stage.in_place() == []

    stage.session.emit = halt_then
    with pytest.raises(Stopped, match="halted by ana"):
        stage.session.run_step(stage.session.plan.steps[0])
    assert stage.session.status is Status.INTERRUPTED
    assert [(e.by, e.reason) for e in stage.events if isinstance(e, Halted)] == [("ana", "sale")]
    assert stage.ledger.entries() == ()


def test_nothing_is_injected_on_a_halted_machine(make_stage: Any, file: HaltFile) -> None:
    """Not even before the guard has looked."""
    stage = make_stage()
    stage.session.halted = file.read
    file.path.touch()
    with pytest.raises(Stopped):
        stage.session.run_step(stage.session.plan.steps[0])
    assert "FaultIntended" not in stage.kinds()
    assert stage.session.status is Status.INTERRUPTED


def test_a_broken_guard_is_looked_at_after_the_halt(make_stage: Any) -> None:
    """A halt is the person's word, whatever else goes wrong at that moment."""
    stage = make_stage()
    stage.session.halted = lambda: Halt(by="ana")
    Guard(stage.session, Steady(), stage.clock, {"the watchdog": lambda: False}).check()
    assert stage.session.status is Status.INTERRUPTED
