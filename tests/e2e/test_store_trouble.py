"""The store's disk is full, its file is locked, or damaged, while a fault is on: the fault goes, the record stays."""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from .small import ROOT, Small, marked, small, until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]
# More than the preflight asks for. A tmpfs takes what is written to it, not its size.
DISK = "256m"
STEP = "latency: {link: edge -> web, delay: 200ms, for: 4s}"


@pytest.fixture
def shop() -> Iterator[Small]:
    with small() as up:
        yield up


def test_a_locked_store_loses_nothing(shop: Small) -> None:
    """Another program writes to it from the injection to the end: the verdict is the same, and once the store is free,
    the record is whole."""
    run = shop.run(STEP)
    shop.injected(run)
    with contextlib.closing(sqlite3.connect(shop.state / "runs.db", isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        code, said = shop.ended(run, within_s=100)
    assert shop.outside.broken() == []
    assert shop.outside.ledger() == []
    assert code in (0, 1), said
    assert list(shop.state.glob("runs.db.spool/*"))
    assert all(fault["reverted"] and fault["confirmed"] for fault in shop.judged()["faults"])
    assert shop.newest()["status"] == "completed"
    assert not list(shop.state.glob("runs.db.spool/*"))


def test_a_damaged_store_loses_no_fault(shop: Small) -> None:
    """Its file is overwritten with nonsense: the fault is reverted, the run ends and says what to do."""
    run = shop.run(STEP)
    shop.injected(run)
    (shop.state / "runs.db").write_bytes(b"nonsense" * 8192)
    for side in ("runs.db-wal", "runs.db-shm"):
        (shop.state / side).unlink(missing_ok=True)
    code, said = shop.ended(run, within_s=100)
    assert shop.outside.broken() == []
    assert shop.outside.ledger() == []
    assert code == 65, said
    assert "damaged" in said
    assert "move it away" in said
    (shop.state / "runs.db").rename(shop.folder / "damaged.db")
    again = shop.saleproof("run", shop.experiment(STEP))
    assert again.returncode in (0, 1, 2), again.stderr


KILL = "kill: {service: web, for: 4s}"


@pytest.fixture
def disk(tmp_path: Path) -> list[str]:
    """Words before a command that give it a small disk of its own at `tmp_path/disk`."""
    unshare = shutil.which("unshare")
    (tmp_path / "disk").mkdir()
    words = [str(unshare), "--mount", "--map-root-user", "sh", "-c"]
    words.append(f'mount -t tmpfs -o size={DISK} none {tmp_path}/disk && exec "$@"')
    words.append("sh")
    if unshare is None or subprocess.run([*words, "true"], capture_output=True, check=False).returncode:
        pytest.skip("no small disk can be made here: this machine lets nobody mount in a namespace of their own")
    return words


@contextlib.contextmanager
def full(run: subprocess.Popen[str], disk: Path) -> Iterator[None]:
    """Nothing more goes on the disk, which only the run sees; what is freed there is taken at once."""
    ended = threading.Event()
    path = Path(f"/proc/{run.pid}/root{disk}/full")

    def fill() -> None:
        size = 1 << 20
        with path.open("wb", buffering=0) as growing:
            while not ended.is_set():
                try:
                    growing.write(bytes(size))
                except OSError:
                    if size == 1:
                        until_full.set()
                        ended.wait(0.005)
                    size = 1

    until_full = threading.Event()
    thread = threading.Thread(target=fill)
    thread.start()
    try:
        assert until_full.wait(20)
        yield
    finally:
        ended.set()
        thread.join()


def test_a_full_disk_of_the_store_loses_nothing(shop: Small, disk: list[str], tmp_path: Path) -> None:
    """The rest of the record goes elsewhere, and the run ends as any other."""
    store = tmp_path / "disk" / "runs.db"
    words = [*disk, *shop.words("run", shop.experiment(STEP))]
    run = subprocess.Popen(
        words, cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        env={**shop.environment(), "SALEPROOF_STORE": str(store), "TMPDIR": str(tmp_path)},
    )  # fmt: skip
    shop.injected(run)
    with full(run, tmp_path / "disk"):
        code, said = shop.ended(run, within_s=100)
    assert shop.outside.broken() == []
    assert shop.outside.ledger() == []
    assert code in (0, 1), said


@pytest.mark.parametrize("first", [STEP, KILL], ids=["latency", "kill"])
def test_a_full_disk_of_the_ledger_injects_nothing_more(disk: list[str], tmp_path: Path, first: str) -> None:
    """What is in place goes, also where a service must be started; the next step's fault, which could not be written
    down, is not injected; and the target is taken down."""
    with small() as shop:
        state = tmp_path / "disk" / "state"
        words = [*disk, *shop.words("run", shop.experiment(first, STEP))]
        run = subprocess.Popen(
            words, cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env={**shop.environment(), "SALEPROOF_STATE": str(state), "SALEPROOF_STORE": str(shop.state / "runs.db")},
        )  # fmt: skip
        inside = Path(f"/proc/{run.pid}/root{state}/ledger")
        until(lambda: run.poll() is not None or list(inside.glob("*.json")), within_s=60)
        assert run.poll() is None, run.communicate()
        with full(run, tmp_path / "disk"):
            code, said = shop.ended(run, within_s=100)
        assert code == 2, said[-700:]
        assert "nothing was injected" in said
        faults = shop.judged()["faults"]
        assert [fault["reverted"] for fault in faults if fault["fault"] == "1.1"] == [True, True]
        assert [fault["confirmed"] for fault in faults if fault["fault"] == "2.1"] == [None, None]
        assert marked(str(state)) == []
