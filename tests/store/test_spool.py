"""Nothing recorded is lost when the database takes no more."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import event as sql_event

from chaos.errors import SaleproofError
from chaos.judge import judge
from chaos.model.event import FaultIntended, FaultReverted, Noted, RunEnded
from chaos.model.fault import Undo
from chaos.model.journal import RunInfo
from chaos.model.plan import Plan
from chaos.model.requests import Requests
from chaos.store import Store, StoreError
from chaos.store.spool import Spool, claimed, lines
from chaos.units import Duration, Rate


@pytest.fixture(autouse=True)
def _little_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """The stranger of these tests never lets go, so whoever waits for the lock waits in vain: 0.3 s instead of 2."""
    monkeypatch.setattr("chaos.store.database.BUSY_S", 0.3)


UNDO = Undo(kind="latency", where="web-1 -> db", data={"toxic": "x"})
INTENDED = FaultIntended(at_s=1.0, fault="1.1", place="web-1 -> db", undo=UNDO)
REVERTED = FaultReverted(at_s=2.0, fault="1.1", place="web-1 -> db", took_s=0.0)


def info(run: str = "20261121-113301-7f3a") -> RunInfo:
    return RunInfo(id=run, started_at=datetime(2026, 11, 21, 11, 33, 1, tzinfo=UTC))


def plan() -> Plan:
    return Plan(
        title="t", experiment="x.yaml", target="shop", platform="embedded", variant="resilient", seed=7, load="normal",
        rate=Rate(60), patience=Duration(10), warm_up=Duration(5), recovery=Duration(15), windows=(), steps=(),
    )  # fmt: skip


def rows_of(n: int) -> Requests:
    return Requests.of(
        [[i * 1000, 5000, 10, 0, 200, 0, 1, 0, i] for i in range(n)], ("home",), ("browse",), ("", "web-1")
    )


def test_a_store_that_somebody_locks_in_mid_run_loses_nothing(tmp_path: Path) -> None:
    """What could not be written waits in a file next to it, and is there when the store is opened again."""
    path = tmp_path / "runs.db"
    store = Store.open(path)
    recorder = store.record(info(), plan())
    recorder.event(Noted(at_s=0.5, text="before the lock"))
    recorder.flush()
    stranger = sqlite3.connect(path, isolation_level=None)
    stranger.execute("begin exclusive")
    try:
        recorder.event(INTENDED)
        recorder.requests(rows_of(100))
        recorder.acknowledged(["o-1"])
        recorder.event(REVERTED)
        recorder.event(RunEnded(at_s=3.0, status="completed"))
        recorder.finish("completed")
    finally:
        stranger.close()
        store.close()
    assert recorder.spooled is not None
    assert recorder.spooled.parent == tmp_path / "runs.db.spool"
    assert "locked" in recorder.trouble
    with Store.open(path) as again:
        assert again.imported == (info().id,)
        journal = again.read("last")
        assert [type(e).__name__ for e in journal.events] == ["Noted", "FaultIntended", "FaultReverted", "RunEnded"]
        assert len(journal.requests) == 100
        assert journal.acknowledged == ("o-1",)
        assert journal.run.status == "completed"
    assert list((tmp_path / "runs.db.spool").iterdir()) == []


def test_what_waits_in_a_spool_is_read_with_the_rest(tmp_path: Path) -> None:
    """Who judges a run right after it sees all of it, although the store was locked for a while, or still is."""
    path = tmp_path / "runs.db"
    with Store.open(path) as store:
        recorder = store.record(info(), plan())
        recorder.event(Noted(at_s=0.5, text="before the lock"))
        recorder.flush()
        stranger = sqlite3.connect(path, isolation_level=None)
        stranger.execute("begin immediate")
        recorder.event(INTENDED)
        recorder.requests(rows_of(100))
        recorder.event(RunEnded(at_s=3.0, status="completed"))
        recorder.finish("completed")
        for locked in (True, False):
            if not locked:
                stranger.close()
            journal = store.read(info().id)
            assert [type(e).__name__ for e in journal.events] == ["Noted", "FaultIntended", "RunEnded"]
            assert (len(journal.requests), journal.run.status) == (100, "completed")


def test_what_is_kept_after_a_run_waits_for_a_locked_store_too(tmp_path: Path) -> None:
    """A watchdog's events and the verdict: the next `open` brings them home, once."""
    path = tmp_path / "runs.db"
    with Store.open(path) as store:
        recorder = store.record(info(), plan())
        recorder.event(INTENDED)
        recorder.close()
        stranger = sqlite3.connect(path, isolation_level=None)
        stranger.execute("begin immediate")
        store.append(info().id, [REVERTED], status="crashed")
        store.append(info().id, [Noted(at_s=3.0, text="more")])
        store.save_verdict(judge(store.read(info().id)))
        stranger.close()
    with Store.open(path) as again:
        assert again.imported == (info().id,)
        journal = again.read("last")
        assert [type(e).__name__ for e in journal.events] == ["FaultIntended", "FaultReverted", "Noted"]
        assert journal.run.status == "crashed"
        newest = again.runs()[0]
        assert (newest.status, newest.exit) == ("crashed", 70)


def test_a_full_database_loses_nothing(tmp_path: Path) -> None:
    """SQLite itself says that it is full."""
    path = tmp_path / "runs.db"
    store = Store.open(path)
    recorder = store.record(info(), plan())
    engine = store._database.engine
    sql_event.listen(engine, "checkout", lambda c, _r, _p: c.execute("pragma max_page_count = 1").close())
    recorder.event(INTENDED)
    for i in range(40):
        recorder.event(Noted(at_s=1.0 + i / 100, text="x" * 4000))
    recorder.finish("completed")
    store.close()
    assert recorder.spooled is not None
    assert "full" in recorder.trouble
    with Store.open(path) as again:
        journal = again.read("last")
        assert len(journal.events) == 41
        assert journal.run.status == "completed"


def test_a_fault_that_can_be_written_nowhere_is_not_injected(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the store nor a spool file takes it: the caller hears so before anything is touched."""
    path = tmp_path / "runs.db"
    monkeypatch.setattr("tempfile.gettempdir", lambda: str(tmp_path / "missing" / "file"))
    (tmp_path / "missing").write_text("a file where a folder should be")
    with Store.open(path) as store:
        recorder = store.record(info(), plan())
        recorder.flush()
        (tmp_path / "runs.db.spool").write_text("a file where a folder should be")
        stranger = sqlite3.connect(path, isolation_level=None)
        stranger.execute("begin exclusive")
        try:
            with pytest.raises(StoreError, match="not injected"):
                recorder.event(INTENDED)
            recorder.event(REVERTED)  # nothing may disturb a revert
        finally:
            stranger.close()
        recorder.finish("aborted")
        assert [type(e).__name__ for e in store.read("last").events] == ["FaultIntended", "FaultReverted"]


def test_an_end_that_can_be_written_nowhere_is_not_hidden(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`finish` raises."""
    path = tmp_path / "runs.db"
    monkeypatch.setattr("tempfile.gettempdir", lambda: str(tmp_path / "runs.db.spool"))
    with Store.open(path) as store:
        recorder = store.record(info(), plan())
        recorder.flush()
        (tmp_path / "runs.db.spool").write_text("a file where a folder should be")
        stranger = sqlite3.connect(path, isolation_level=None)
        stranger.execute("begin exclusive")
        try:
            with pytest.raises(StoreError, match="written nowhere"):
                recorder.finish("completed")
        finally:
            stranger.close()


def test_a_spool_that_still_grows_is_left_alone(tmp_path: Path) -> None:
    """Its writer holds a lock on it; importing half of it and deleting it would lose the rest."""
    spool = Spool(tmp_path / "runs.db.spool", "run-1")
    spool.write([("runs", {"id": "run-1"})])
    with claimed(tmp_path / "runs.db.spool") as found:
        assert found == []
    spool.close()
    with claimed(tmp_path / "runs.db.spool") as found:
        assert [path.stem for path in found] == ["run-1"]


def test_a_torn_last_line_costs_only_itself(tmp_path: Path) -> None:
    """A crash in the middle of a write, and writing on after it."""
    spool = Spool(tmp_path, "run-1")
    spool.write([("events", {"seq": 0, "data": b"\x00\xff"})])
    with spool.path.open("ab") as file:
        file.write(b'\n{"table": "events", "row": {"se')
    spool.write([("events", {"seq": 2})])
    spool.close()
    assert list(lines(spool.path)) == [("events", {"seq": 0, "data": b"\x00\xff"}), ("events", {"seq": 2})]


def test_importing_twice_is_harmless(tmp_path: Path) -> None:
    """Rows carry their own numbers: a commit whose answer was lost doubles nothing."""
    path = tmp_path / "runs.db"
    with Store.open(path) as store:
        recorder = store.record(info(), plan())
        recorder.event(INTENDED)
        recorder.finish("completed")
    with sqlite3.connect(path) as raw:
        raw.row_factory = sqlite3.Row
        row = dict(raw.execute("select * from events").fetchone())
    spool = Spool(tmp_path / "runs.db.spool", info().id)
    spool.write([("events", row)])
    spool.close()
    with Store.open(path) as store:
        assert store.imported == (info().id,)
        assert len(store.read("last").events) == 1


def test_a_spool_in_somebody_elses_folder_is_not_read(tmp_path: Path) -> None:
    """The fallback folder lies where everybody may write; a link there is refused."""
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    with pytest.raises(PermissionError):
        Spool(tmp_path / "link", "run-1")
    (tmp_path / "real" / "run-1.jsonl").write_text("{}")
    with claimed(tmp_path / "link") as found:
        assert found == []


def test_a_spool_that_makes_no_sense_does_not_keep_the_store_from_opening(tmp_path: Path) -> None:
    """It stays where it is for a person to look at."""
    folder = tmp_path / "runs.db.spool"
    folder.mkdir()
    (folder / "x.jsonl").write_text('{"table": "events", "row": {"run": {"base64": "AA=="}, "no-such-column": 1}}')
    try:
        with Store.open(tmp_path / "runs.db") as store:
            assert store.runs() == []
            assert store.imported == ()
    except SaleproofError as error:  # pragma: no cover - the message makes the failure readable
        pytest.fail(str(error))
    assert (folder / "x.jsonl").exists()
