"""The machine's checks, on clocks, limits and folders that are not well."""

from __future__ import annotations

import resource
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from chaos.errors import Refused, Unavailable
from chaos.preflight import disk, machine
from chaos.preflight.finding import Level, ok, problem, refuse, warning

NOW_S = 1_800_000_000.0


def ticking(*values: float) -> Callable[[], float]:
    """A clock that says these, one after the other."""
    left: Iterator[float] = iter(values)
    return lambda: next(left)


def no_sleep(seconds: float) -> None:
    pass


def test_a_steady_clock_is_well() -> None:
    finding = machine.clock(ticking(5.0, 5.05), ticking(NOW_S, NOW_S + 0.05), no_sleep)
    assert (finding.level, finding.text) == (Level.OK, "2027-01-15 08:00:00 UTC")


@pytest.mark.parametrize(
    ("monotonic", "wall", "words"),
    [
        ((5.0, 5.0), (NOW_S, NOW_S + 0.05), "does not go on"),
        ((5.0, 5.05), (NOW_S, NOW_S + 3600), "jumped by +3"),
        ((5.0, 5.05), (NOW_S, NOW_S - 60), "jumped by -60"),
        ((5.0, 5.05), (0.0, 0.05), "1970-01-01"),
    ],
)
def test_a_clock_that_is_not_sane_is_a_problem(
    monotonic: tuple[float, float], wall: tuple[float, float], words: str
) -> None:
    """Stopped, stepped forward, stepped back, never set."""
    finding = machine.clock(ticking(*monotonic), ticking(*wall), no_sleep)
    assert finding.level is Level.PROBLEM
    assert words in finding.text


@pytest.mark.parametrize(("limit", "level"), [(200, Level.PROBLEM), (512, Level.WARNING), (1024, Level.OK)])
def test_the_open_files_limit(monkeypatch: pytest.MonkeyPatch, limit: int, level: Level) -> None:
    """Too few for a sale's customers is said before the sale."""
    monkeypatch.setattr(resource, "getrlimit", lambda which: (limit, limit))
    assert machine.open_files().level is level


def test_this_machine_can_run_it() -> None:
    """The tests themselves do."""
    assert {machine.python().level, machine.system().level, machine.clock().level} == {Level.OK}


@pytest.mark.parametrize(
    ("mode", "level"), [(0o700, Level.OK), (0o750, Level.WARNING), (0o770, Level.PROBLEM), (0o702, Level.PROBLEM)]
)
def test_a_state_folder_that_others_reach(tmp_path: Path, mode: int, level: Level) -> None:
    """Who can write there decides what is reverted; who can read there sees what is on."""
    tmp_path.chmod(mode)
    try:
        assert disk.state_folder(tmp_path).level is level
    finally:
        tmp_path.chmod(0o700)


def test_a_state_folder_that_is_not_there(tmp_path: Path) -> None:
    assert disk.state_folder(tmp_path / "missing").level is Level.PROBLEM


@pytest.mark.parametrize(("free", "level"), [(10e6, Level.PROBLEM), (500e6, Level.WARNING), (5e9, Level.OK)])
def test_free_space(tmp_path: Path, free: float, level: Level) -> None:
    """Also of a folder that is still to be made."""
    finding = disk.space("disk, store", tmp_path / "not" / "yet", free)
    assert finding.level is level
    assert str(tmp_path) in finding.text


def test_the_store_is_looked_at_where_it_is(tmp_path: Path) -> None:
    """In the state folder it is the same disk; a database elsewhere has none of ours."""
    state, other = tmp_path / "state", tmp_path / "other"
    assert [f.check for f in disk.disks(state, str(state / "runs.db"))] == ["disk, state"]
    assert [f.check for f in disk.disks(state, str(other / "runs.db"))] == ["disk, state", "disk, store"]
    assert [f.check for f in disk.disks(state, "postgresql://u:secret@db/x")] == ["disk, state"]


def test_a_store_that_does_not_open(tmp_path: Path) -> None:
    """What is wrong with it is said; a password is not."""
    (tmp_path / "runs.db").write_text("this is no database " * 100)
    assert disk.store_opens(str(tmp_path / "runs.db")).level is Level.PROBLEM
    assert disk.store_opens(str(tmp_path / "new.db")).level is Level.OK
    assert not (tmp_path / "new.db").exists()
    (tmp_path / "file").touch(mode=0o600)
    assert disk.store_opens(str(tmp_path / "file" / "new.db")).level is Level.PROBLEM
    closed = disk.store_opens("postgresql://u:secret@127.0.0.1:1/x")
    assert closed.level is Level.PROBLEM
    assert "secret" not in str(closed)


def test_a_run_is_refused_for_the_first_problem_on_one_line() -> None:
    """Warnings do not stop it; what somebody can end is 75, what is not there is 69."""
    refuse([ok("a", "well"), warning("b", "so so")])
    with pytest.raises(Unavailable, match=r"^c: full; make room \(and 1 more: saleproof doctor\)$"):
        refuse([warning("b", "so so"), problem("c", "full", "make room"), problem("d", "x")])
    with pytest.raises(Refused, match=r"^e: left; take it off$"):
        refuse([problem("e", "left", "take it off", not_now=True)])
