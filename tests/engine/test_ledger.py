"""The ledger: durable before, removed only after, and never silently unreadable."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from chaos.engine.ledger import Entry, Ledger
from chaos.errors import SaleproofError
from chaos.model.event import FaultReverted
from chaos.model.fault import Undo


def entry(place: str = "web-1 -> db", run: str = "r1") -> Entry:
    return Entry(
        run=run, fault="1.1", place=place, target="shop", undo=Undo(kind="latency", where=place, data={"a": 1})
    )


def test_an_entry_survives_and_is_closed(tmp_path: Path) -> None:
    """Another process reads what this one wrote; closing twice is harmless."""
    Ledger(tmp_path / "l").open(entry())
    other = Ledger(tmp_path / "l")
    assert other.entries() == (entry(),)
    other.close(entry())
    other.close(entry())
    assert other.entries() == ()


def test_it_is_private_to_the_user(tmp_path: Path) -> None:
    """Undo records may carry addresses; nobody else reads them."""
    ledger = Ledger(tmp_path / "l")
    ledger.open(entry())
    assert stat.S_IMODE((tmp_path / "l").stat().st_mode) == 0o700
    assert [stat.S_IMODE(p.stat().st_mode) for p in (tmp_path / "l").iterdir()] == [0o600]


def test_a_damaged_entry_is_never_skipped(tmp_path: Path) -> None:
    """It may hide a fault that is in place, so it is named; and it does not keep the others from being reverted."""
    ledger = Ledger(tmp_path)
    ledger.open(entry())
    (tmp_path / "bad.json").write_text("{")
    assert ledger.entries() == (entry(),)
    assert "bad.json" in ledger.damaged()[0]


def test_a_half_written_entry_is_not_an_entry(tmp_path: Path) -> None:
    """The temporary file of a write that was killed counts as nothing: nothing was injected yet."""
    half = tmp_path / "x.json.tmp"
    half.write_text('{"run":')
    ledger = Ledger(tmp_path)
    assert (ledger.entries(), ledger.damaged(), ledger.untold()) == ((), (), ())
    ledger.sweep()
    assert half.exists()  # somebody may be at it
    os.utime(half, (0, 0))
    ledger.sweep()
    assert not half.exists()


def test_a_ledger_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    """Then nothing may be injected."""
    (tmp_path / "file").write_text("")
    with pytest.raises(SaleproofError, match="nothing was injected"):
        Ledger(tmp_path / "file" / "ledger").open(entry())


def test_a_ledger_that_cannot_be_read_is_not_empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another user's folder (sudo, once), or a file in its place: nobody can say that no fault is in place."""
    file = tmp_path / "file"
    file.write_text("")
    assert str(file) in Ledger(file).damaged()[0]
    assert (Ledger(file).entries(), Ledger(file).untold()) == ((), ())

    def refuse(path: Path) -> Iterator[Path]:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "iterdir", refuse)  # root may read whatever the mode says
    assert "cannot be read (Permission denied). Faults may be in place" in Ledger(tmp_path).damaged()[0]
    assert (Ledger(tmp_path).entries(), Ledger(tmp_path).untold()) == ((), ())


def test_entries_of_one_run(tmp_path: Path) -> None:
    """The watchdog reverts its own run's faults only."""
    ledger = Ledger(tmp_path)
    ledger.open(entry(run="r1"))
    ledger.open(entry(run="r2"))
    assert [e.run for e in ledger.entries("r2")] == ["r2"]


def test_a_revert_is_kept_until_it_is_told(tmp_path: Path) -> None:
    """Whoever reverts may be killed before the record has it: the next one finds by whom and when it was."""
    ledger = Ledger(tmp_path / "l")
    ledger.open(entry(run="r1"))
    ledger.open(entry(run="r2"))
    event = FaultReverted(at_s=12.5, fault="1.1", place="web-1 -> db", took_s=0.1, by="watchdog")
    ledger.close(entry(run="r1"), event)
    ledger.close(entry(run="r1"), event)
    assert [e.run for e in ledger.entries()] == ["r2"]
    assert [(u.run, u.event) for u in Ledger(tmp_path / "l").untold()] == [("r1", event)]
    assert ledger.untold("r2") == ()
    assert {stat.S_IMODE(p.stat().st_mode) for p in (tmp_path / "l").iterdir()} == {0o600}
    ledger.told("r1")
    assert ledger.untold() == ()
    assert [e.run for e in ledger.entries()] == ["r2"]


def test_one_reverts_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A watchdog and `recover` write one after the other; one that takes too long is not waited for."""
    monkeypatch.setattr("chaos.engine.ledger.ALONE_WITHIN_S", 0.2)
    with Ledger(tmp_path).alone():
        began_s = time.monotonic()
        with Ledger(tmp_path).alone():
            assert time.monotonic() - began_s >= 0.2
    began_s = time.monotonic()
    with Ledger(tmp_path).alone():
        assert time.monotonic() - began_s < 0.15
