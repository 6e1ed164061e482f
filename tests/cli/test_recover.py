"""`saleproof recover` where runs are alive and dead at the same time."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from chaos.engine.identity import Runner
from chaos.engine.ledger import Entry, Ledger
from chaos.faults.command import Command
from chaos.faults.shared import process
from chaos.proc import boot_id

ROOT = Path(__file__).parents[2]


def disturb(ledger: Ledger, flag: Path, run: str, pid: int) -> None:
    """A fault of that run is on: a file that is there."""
    found = process.identify(pid)
    assert found is not None
    name, platform = str(flag), object()
    fault = Command(run=("touch", name), undo=("rm", "-f", name), check=("test", "-e", name))
    undo = fault.prepare("nothing", platform)
    runner = Runner(pid=pid, start_ticks=found.start_ticks, boot=boot_id())
    ledger.open(Entry(run=run, fault="1.1", place="nothing", target="shop", undo=undo, pid=pid, runner=runner))
    fault.inject(undo, platform)


def recover(state: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "chaos", "recover"], cwd=ROOT, capture_output=True, text=True, check=False, timeout=60,
        env={**os.environ, "SALEPROOF_STATE": str(state), "NO_COLOR": "1"},
    )  # fmt: skip


def test_a_living_run_keeps_nobody_from_reverting_a_dead_one_s_faults(tmp_path: Path) -> None:
    """They may be of another target, for hours. The living one's are left alone, and alone they are a 75."""
    ledger = Ledger(tmp_path / "state" / "ledger")
    dead, alive = tmp_path / "dead", tmp_path / "alive"
    with subprocess.Popen(["sleep", "20"]) as runner:
        disturb(ledger, dead, "r1", runner.pid)
        runner.kill()
    with subprocess.Popen(["sleep", "20"]) as runner:
        disturb(ledger, alive, "r2", runner.pid)
        done = recover(tmp_path / "state")
        assert (done.returncode, done.stdout) == (0, "1 of 1 faults reverted\n"), done.stderr
        assert f"left alone: run r2 (pid {runner.pid}) is still alive" in done.stderr
        assert (dead.exists(), alive.exists()) == (False, True)
        refused = recover(tmp_path / "state")
        assert (refused.returncode, refused.stdout) == (75, "")
        assert f"kill -TERM {runner.pid}" in refused.stderr
        runner.kill()
    assert recover(tmp_path / "state").returncode == 0
    assert not alive.exists()
