"""The store: what was recorded is read back as it was, and what cannot be read is said in a line."""

from __future__ import annotations

import os
import sqlite3
import stat
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import numpy as np
import pytest

from chaos.errors import Refused, UsageError
from chaos.model.charge import Charge
from chaos.model.event import FaultIntended, FaultReverted, Noted, RunEnded, RunStarted
from chaos.model.fault import Undo
from chaos.model.journal import RunInfo, Sample
from chaos.model.plan import Plan, Window
from chaos.model.requests import Requests
from chaos.model.verdict import Outcome, Status, Verdict
from chaos.store import DamagedStore, NoStore, Store, StoreError, tables
from chaos.units import Duration, Rate

BEGAN = datetime(2026, 11, 21, 11, 33, 1, tzinfo=UTC)


def a_plan() -> Plan:
    window = Window(index=0, name="before", phase="before", step=None, length=Duration(15), conditions=())
    return Plan(
        title="Checkout survives a slow database", experiment="experiments/x.yaml", target="shop", platform="embedded",
        variant="resilient", seed=7, load="normal", rate=Rate(60), patience=Duration(10), warm_up=Duration(5),
        recovery=Duration(15), windows=(window,), steps=(),
    )  # fmt: skip


def info(run: str = "20261121-113301-7f3a", after_s: float = 0) -> RunInfo:
    return RunInfo(id=run, started_at=BEGAN + timedelta(seconds=after_s), command=("saleproof", "run"))


def some_requests(first_s: float, n: int, seed: int = 0) -> Requests:
    dice = np.random.default_rng(seed)
    start = np.sort(dice.integers(int(first_s * 1e6), int((first_s + 1) * 1e6), n))
    latency = (dice.gamma(4, 0.003, n) * 1e6).astype(np.int64)
    rows = np.stack(
        [
            start, latency, dice.integers(20, 900, n), dice.integers(0, 5, n), np.full(n, 200), np.zeros(n, int),
            dice.integers(1, 4, n), dice.integers(0, 3, n), np.arange(n) // 4 + int(first_s) * 1000,
        ],
        axis=1,
    )  # fmt: skip
    names = ("home", "list", "product", "cart", "checkout")
    return Requests.of(rows.tolist(), names, ("browse", "buy", "search"), ("", "web-1", "web-2", "web-3"))


def a_verdict(run: str, outcome: Outcome = Outcome.HELD) -> Verdict:
    code = 0 if outcome is Outcome.HELD else 1
    return Verdict(
        run=run, status=Status.COMPLETED, outcome=outcome, exit_code=code, reasons=("so it is",), checks=()
    )  # fmt: skip


def test_a_run_is_read_back_as_it_was_recorded(tmp_path: Path) -> None:
    """Head, plan, events, requests, samples, acknowledged ids and the engine's journal."""
    chunks = [some_requests(second, 240, second) for second in range(3)]
    undo = Undo(kind="latency", where="web-1 -> db", data={"toxic": "x", "n": [1, 2.5, None]})
    happened = (
        RunStarted(at_s=0.0, pid=1, endpoint="here"),
        FaultIntended(at_s=1.5, fault="1.1", place="web-1 -> db", undo=undo),
        FaultReverted(at_s=2.5, fault="1.1", place="web-1 -> db", took_s=0.01),
        RunEnded(at_s=3.0, status="completed"),
    )
    with Store.open(tmp_path / "runs.db") as store:
        recorder = store.record(info(), a_plan())
        for event in happened:
            recorder.event(event)
        for chunk in chunks:
            recorder.requests(chunk)
        recorder.sample(Sample(at_s=1.0, sli="cache-hits", good=9, total=10, service="web-1"))
        recorder.acknowledged(iter(["o-1"]))
        recorder.acknowledged(["o-2"])
        recorder.chaostoolkit({"status": "completed", "odd": {1, 2}})
        recorder.finish("completed", BEGAN + timedelta(seconds=3))
        journal = store.read("last")
    assert journal.run.status == "completed"
    assert journal.run.ended_at == BEGAN + timedelta(seconds=3)
    assert journal.run.command == ("saleproof", "run")
    assert journal.plan == a_plan()
    assert journal.events == happened
    assert journal.acknowledged == ("o-1", "o-2")
    assert journal.samples[0].good == 9
    assert journal.chaostoolkit["status"] == "completed"
    whole = Requests.join(chunks)
    for column in ("start_us", "latency_us", "lag_us", "step", "customer", "instance"):
        assert np.array_equal(getattr(journal.requests, column), getattr(whole, column)), column
    assert journal.requests.steps == whole.steps


def test_a_fault_event_is_on_the_disk_when_event_returns(tmp_path: Path) -> None:
    """Another connection sees it at once, and so does whoever reads after a kill."""
    path = tmp_path / "runs.db"
    with Store.open(path) as store, store.record(info(), a_plan()) as recorder:
        undo = Undo(kind="kill", where="web-1")
        recorder.event(FaultIntended(at_s=1.0, fault="1.1", place="web-1", undo=undo))
        with sqlite3.connect(path) as other:
            assert other.execute("select kind from events").fetchall() == [("fault-intended",)]


def test_a_run_that_was_killed_reads_as_one_without_a_status(tmp_path: Path) -> None:
    """T8: the journal goes up to the kill; nothing claims that it was completed."""
    with Store.open(tmp_path / "runs.db") as store:
        recorder = store.record(info(), a_plan())
        recorder.event(Noted(at_s=0.1, text="hello"))
        recorder.requests(some_requests(0, 50))
        recorder.flush()
        recorder.close()
        journal = store.read("last")
        assert journal.run.status is None
        assert len(journal.events) == 1
        assert store.runs()[0].status is None


def test_a_run_that_was_killed_after_its_last_word_was_completed(tmp_path: Path) -> None:
    """What it said at its end is on the disk with everything before, and with its status, when `event` returns."""
    with Store.open(tmp_path / "runs.db") as store, store.record(info(), a_plan()) as recorder:
        recorder.requests(some_requests(0, 50))
        recorder.event(RunEnded(at_s=3.0, status="completed"))
        journal = store.read("last")
        assert (journal.run.status, len(journal.requests)) == ("completed", 50)


def test_everything_is_written_within_about_a_second(tmp_path: Path) -> None:
    """Plain events and requests wait for company, but not for long."""
    with Store.open(tmp_path / "runs.db") as store, store.record(info(), a_plan()) as recorder:
        recorder.event(Noted(at_s=0.1, text="hello"))
        recorder.requests(some_requests(0, 50))
        deadline = time.monotonic() + 20
        while not (store.read("last").events and len(store.read("last").requests)):
            assert time.monotonic() < deadline
            time.sleep(0.1)


def test_readers_read_while_many_threads_write(tmp_path: Path) -> None:
    """Concurrent readers see a growing, whole record; nothing is lost or doubled."""
    with Store.open(tmp_path / "runs.db") as store, store.record(info(), a_plan()) as recorder:

        def write(number: int) -> None:
            for i in range(20):
                recorder.event(FaultReverted(at_s=float(i), fault=str(number), place=str(i), took_s=0.0))
                recorder.requests(some_requests(number, 10, i))

        threads = [threading.Thread(target=write, args=(n,)) for n in range(4)]
        for thread in threads:
            thread.start()
        seen = [len(store.read("last").events) for _ in range(20)]
        for thread in threads:
            thread.join()
        recorder.flush()
        recorder.close()
        journal = store.read("last")
    assert seen == sorted(seen)
    assert len({(e.fault, e.place) for e in journal.events if isinstance(e, FaultReverted)}) == 80
    assert len(journal.requests) == 800


def test_files_are_private_to_their_user(tmp_path: Path) -> None:
    """0600 for the store and its side files, 0700 for a folder that it makes."""
    path = tmp_path / "new" / "runs.db"
    old = os.umask(0)
    try:
        with Store.open(path) as store, store.record(info(), a_plan()) as recorder:
            recorder.flush()
            for file in path.parent.iterdir():
                assert stat.S_IMODE(file.stat().st_mode) == 0o600, file
            assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    finally:
        os.umask(old)


def test_runs_are_listed_newest_first_with_their_latest_verdict(tmp_path: Path) -> None:
    """Judged again, the new verdict counts and the old one stays."""
    with Store.open(tmp_path / "runs.db") as store:
        for n in range(3):
            store.record(info(f"run-{n}", after_s=n), a_plan()).finish("completed")
        store.save_verdict(a_verdict("run-1", Outcome.DEVIATED))
        store.save_verdict(a_verdict("run-1", Outcome.HELD))
        found = store.runs(2)
        assert [r.id for r in found] == ["run-2", "run-1"]
        assert (found[1].outcome, found[1].exit, found[1].status) == ("held", 0, "completed")
        assert found[0].outcome is None
        assert store.verdict("run-1") == a_verdict("run-1")
        assert store.verdict("run-0") is None


def test_a_unique_beginning_of_an_id_is_enough(tmp_path: Path) -> None:
    """An ambiguous or unknown one names the candidates; `_` and `%` are no wildcards."""
    with Store.open(tmp_path / "runs.db") as store:
        with pytest.raises(UsageError, match="nothing is recorded yet"):
            store.read("last")
        store.record(info("20261121-113301-7f3a"), a_plan()).finish("completed")
        store.record(info("20261121-120000-aaaa", after_s=9), a_plan()).finish("completed")
        assert store.read("20261121-1133").run.id == "20261121-113301-7f3a"
        assert store.read("last").run.id == "20261121-120000-aaaa"
        with pytest.raises(UsageError, match="several runs begin with"):
            store.read("2026")
        with pytest.raises(UsageError, match="Did you mean '20261121-113301-7f3a'"):
            store.read("20261121-113301-7f3b")
        with pytest.raises(UsageError, match="no run '%'"):
            store.read("%")


def test_a_deleted_run_is_gone_and_the_others_stay(tmp_path: Path) -> None:
    """All of its parts."""
    with Store.open(tmp_path / "runs.db") as store:
        for n in range(2):
            recorder = store.record(info(f"run-{n}", after_s=n), a_plan())
            recorder.requests(some_requests(0, 5))
            recorder.finish("completed")
        store.delete("run-1")
        assert [r.id for r in store.runs()] == ["run-0"]
        assert len(store.read("run-0").requests) == 5
    with sqlite3.connect(tmp_path / "runs.db") as raw:
        assert raw.execute("select count(*) from chunks").fetchone() == (1,)


def test_what_a_watchdog_did_later_is_added_at_the_end(tmp_path: Path) -> None:
    """A runner that died cannot write it itself."""
    with Store.open(tmp_path / "runs.db") as store:
        recorder = store.record(info(), a_plan())
        recorder.event(Noted(at_s=0.1, text="hello"))
        recorder.close()
        late = FaultReverted(at_s=9.0, fault="1.1", place="web-1", took_s=0.2, by="watchdog")
        store.append("last", [late])
        assert store.read("last").events[-1] == late
        store.append("last", [RunEnded(at_s=9.1, status="crashed")], status="crashed")
        assert store.read("last").run.status == "crashed"
        assert store.runs()[0].ended_at is not None


def test_the_series_are_the_requests_second_by_second(tmp_path: Path) -> None:
    """Totals, and percentiles by nearest rank; kept after the first call."""
    with Store.open(tmp_path / "runs.db") as store:
        recorder = store.record(info(), a_plan())
        chunks = [some_requests(second, 240, second) for second in (0, 1, 3)]
        for chunk in chunks:
            recorder.requests(chunk)
        recorder.finish("completed")
        everything, *steps = store.series("last")
        assert everything.total == (240, 240, 0, 240)
        assert sum(sum(s.total) for s in steps) == 720
        ordered = np.sort(chunks[1].latency_us)
        assert everything.p50_s[1] == pytest.approx(ordered[119] / 1e6)
        assert everything.p99_s[1] == pytest.approx(ordered[237] / 1e6)
        assert everything.p99_s[2] == -1
        assert store.series("last") == (everything, *steps)


def test_a_store_of_a_newer_saleproof_is_not_touched(tmp_path: Path) -> None:
    """It says what to do instead."""
    path = tmp_path / "runs.db"
    Store.open(path).close()
    with sqlite3.connect(path) as raw:
        raw.execute("update saleproof_meta set value = '99' where key = 'schema'")
    with pytest.raises(StoreError, match="newer Saleproof"):
        Store.open(path)


def test_an_older_store_is_migrated_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One step a version, in a transaction with the number."""
    path = tmp_path / "runs.db"
    with Store.open(path) as store:
        store.record(info(), a_plan()).finish("completed")
    steps = []
    now = tables.SCHEMA
    monkeypatch.setattr(tables, "SCHEMA", now + 2)
    more = {now: lambda c: steps.append(1), now + 1: lambda c: steps.append(2)}
    monkeypatch.setattr(tables, "MIGRATIONS", tables.MIGRATIONS | more)
    with Store.open(path) as store:
        assert len(store.runs()) == 1
    Store.open(path).close()
    assert steps == [1, 2]


def test_a_run_is_charged_once_however_often_it_is_judged(tmp_path: Path) -> None:
    """And a store from before there were budgets learns of them when it is opened."""
    path = tmp_path / "runs.db"
    with Store.open(path) as store:
        store.record(info(), a_plan()).finish("completed")
    with sqlite3.connect(path) as raw:  # as version 1 left it
        raw.execute("drop table charges")
        raw.execute("update saleproof_meta set value = '1' where key = 'schema'")
    charge = Charge(
        slo="sale", objective="availability >= 99.99%", window="sale", budget="virtual", bad=3, total=100, allowed=50,
        spent=0.06,
    )  # fmt: skip
    verdict = Verdict(
        run=info().id, status=Status.COMPLETED, outcome=Outcome.HELD, exit_code=0, reasons=(), checks=(),
        charges=(charge,),
    )  # fmt: skip
    with Store.open(path) as store:
        assert store.charged("shop", datetime(2000, 1, 1, tzinfo=UTC)) == ()
        store.save_verdict(verdict)
        store.save_verdict(msgspec.structs.replace(verdict, charges=(msgspec.structs.replace(charge, spent=0.5),)))
        [charged] = store.charged(a_plan().target, datetime(2000, 1, 1, tzinfo=UTC))
        assert (charged.run, charged.charge) == (info().id, charge)
        assert store.charged("another", datetime(2000, 1, 1, tzinfo=UTC)) == ()
        assert store.charged(a_plan().target, info().started_at + timedelta(seconds=1)) == ()
        store.delete("last")
        assert store.charged(a_plan().target, datetime(2000, 1, 1, tzinfo=UTC)) == ()


def test_a_damaged_store_is_said_to_be_damaged(tmp_path: Path) -> None:
    """A bad file (65), not an error of ours; and nothing in it is changed."""
    content = b"this is not a database at all" * 100
    path = tmp_path / "runs.db"
    path.write_bytes(content)
    with pytest.raises(DamagedStore, match="damaged") as raised:
        Store.open(path)
    assert raised.value.exit_code == 65
    assert path.read_bytes() == content


@pytest.mark.parametrize("content", [None, b""], ids=["no file", "an empty file"])
def test_a_store_that_is_only_read_is_not_made(tmp_path: Path, content: bytes | None) -> None:
    """Its path is named, and nothing is there afterwards that was not there before."""
    path = tmp_path / "folder" / "runs.db"
    if content is not None:
        path.parent.mkdir()
        path.write_bytes(content)
    with pytest.raises(NoStore, match=f"no store at {path}"):
        Store.open(path, make=False)
    assert path.parent.exists() == (content is not None)
    Store.open(path).close()
    Store.open(path, make=False).close()


def test_a_damaged_chunk_is_said_to_be_damaged(tmp_path: Path) -> None:
    """With the run's name, not a traceback."""
    path = tmp_path / "runs.db"
    with Store.open(path) as store:
        recorder = store.record(info(), a_plan())
        recorder.requests(some_requests(0, 5))
        recorder.finish("completed")
        with sqlite3.connect(path) as raw:
            raw.execute("update chunks set data = x'00ff'")
        with pytest.raises(DamagedStore, match="is damaged"):
            store.read("last")


def test_a_store_that_cannot_be_made_is_refused_with_its_path(tmp_path: Path) -> None:
    """A file in the way of the folder."""
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match=str(tmp_path / "file")):
        Store.open(tmp_path / "file" / "runs.db")


def test_an_unknown_kind_of_url_is_refused() -> None:
    """With what is allowed."""
    with pytest.raises(StoreError, match="postgresql://"):
        Store.open("mysql://root@localhost/x")


def test_a_locked_store_is_refused_for_now(tmp_path: Path) -> None:
    """Exit 75: nothing was touched."""
    path = tmp_path / "runs.db"
    with Store.open(path) as store:
        raw = sqlite3.connect(path, isolation_level=None)
        try:
            raw.execute("begin exclusive")
            with pytest.raises(Refused, match="locked"):
                store.record(info(), a_plan())
        finally:
            raw.close()
        assert store.runs() == []


def test_a_request_takes_a_few_bytes(tmp_path: Path) -> None:
    """A minute at 240 requests a second; the figure in the docs is the measured one."""
    path = tmp_path / "runs.db"
    with Store.open(path) as store:
        recorder = store.record(info(), a_plan())
        recorder.flush()
        with sqlite3.connect(path) as raw:
            raw.execute("pragma wal_checkpoint(truncate)")
        before = path.stat().st_size
        for second in range(60):
            recorder.requests(some_requests(second, 240, second))
            recorder.flush()
        recorder.finish("completed")
    with sqlite3.connect(path) as raw:
        raw.execute("pragma wal_checkpoint(truncate)")
    per_request = (path.stat().st_size - before) / (60 * 240)
    print(f"{per_request:.2f} bytes a request")
    assert per_request < 16
