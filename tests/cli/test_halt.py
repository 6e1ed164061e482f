"""`halt`, `resume`, `doctor` and `run --arm`, as a person types them, with no target up."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
EXPERIMENT = "experiments/db-latency-spike.yaml"


@pytest.fixture
def saleproof(tmp_path: Path) -> Any:
    """Run a command in the checkout with a state folder of its own."""

    def run(*words: str, cwd: Path = ROOT, **env: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "chaos", *words], cwd=cwd, capture_output=True, text=True, check=False, timeout=120,
            env={**os.environ, "SALEPROOF_STATE": str(tmp_path / "state"), "NO_COLOR": "1", **env},
            stdin=subprocess.DEVNULL,
        )  # fmt: skip

    return run


def test_halt_refuses_runs_until_resume(saleproof: Any, tmp_path: Path) -> None:
    """At a fixed place, with who, why and how to go on; also for the Chaos Toolkit's experiments."""
    halted = saleproof("halt", "--reason", "the sale has begun")
    assert halted.returncode == 0
    assert "nothing was running" in halted.stdout
    assert (tmp_path / "state" / "halt").is_file()
    plain = tmp_path / "plain.json"
    action = {"type": "action", "name": "nothing", "provider": {"type": "process", "path": "true"}}
    plain.write_text(json.dumps({"title": "x", "description": "x", "method": [action]}))
    for file in (EXPERIMENT, str(plain)):
        refused = saleproof("run", file)
        assert refused.returncode == 75, refused.stderr
        assert "the sale has begun" in refused.stderr
        assert "saleproof resume" in refused.stderr
    resumed = saleproof("resume")
    assert resumed.returncode == 0
    assert "the sale has begun" in resumed.stdout
    assert saleproof("run", str(plain), cwd=tmp_path, PYTHONPATH=str(ROOT)).returncode == 0
    assert saleproof("resume").stdout.strip() == "this machine was not halted"


def test_halt_and_resume_speak_json(saleproof: Any) -> None:
    """The halt that is in force, whether it was already, and what is left."""
    first = json.loads(saleproof("halt", "--json", "--reason", "a").stdout)
    second = json.loads(saleproof("halt", "--json", "--reason", "b").stdout)
    assert (first["already"], second["already"]) == (False, True)
    assert second["halt"] == first["halt"]
    assert (first["runs"], first["still_open"], first["still_running"]) == ([], [], [])
    for was, halt in ((True, first["halt"]), (False, None)):
        assert json.loads(saleproof("resume", "--json").stdout) == {"was_halted": was, "halt": halt, "targets": []}


def test_halt_says_what_a_dead_run_left(saleproof: Any, tmp_path: Path) -> None:
    """3 after its timeout, with the next step; the machine is halted all the same."""
    from chaos.engine.ledger import Entry, Ledger
    from chaos.model.fault import Undo

    undo = Undo(kind="latency", where="web -> db", data={})
    Ledger(tmp_path / "state" / "ledger").open(
        Entry(run="7", fault="1.1", place="web -> db", target="shop", undo=undo, text="latency: {...}", pid=1)
    )
    done = saleproof("halt", "--timeout", "300ms")
    assert done.returncode == 3
    assert "NOT known to be reverted" in done.stdout
    assert "latency: {...} on web -> db (run 7)" in done.stdout
    assert "saleproof recover" in done.stdout
    assert (tmp_path / "state" / "halt").exists()
    status = saleproof("status")
    assert "ledger: 1 fault(s) of run 7 may still be in place; revert them with: saleproof recover" in status.stderr


def test_an_entry_that_cannot_be_read_may_be_a_fault(saleproof: Any, tmp_path: Path) -> None:
    """3, with its file; `status` says so too, whatever is up."""
    (tmp_path / "state" / "ledger").mkdir(parents=True)
    (tmp_path / "state" / "ledger" / "zz.json").write_text("{")
    done = saleproof("halt", "--timeout", "300ms")
    assert (done.returncode, "zz.json" in done.stderr) == (3, True)
    assert "zz.json" in json.loads(saleproof("halt", "--json").stdout)["damaged"][0]
    assert "zz.json" in saleproof("status").stderr


def test_a_run_that_does_not_end_is_said(saleproof: Any, tmp_path: Path) -> None:
    """69: every fault is reverted, and somebody still holds the target."""
    from chaos.engine.lock import TargetLock

    with TargetLock(tmp_path / "state" / "locks", "shop", "run 7"):
        done = saleproof("halt", "--timeout", "300ms")
    assert done.returncode == 69
    assert f"run 7 (pid {os.getpid()})" in done.stdout


def test_a_bad_timeout_is_usage(saleproof: Any, tmp_path: Path) -> None:
    """And nothing is halted by it."""
    assert saleproof("halt", "--timeout", "soon").returncode == 64
    assert not (tmp_path / "state" / "halt").exists()


def test_a_target_that_is_one_user_s_has_no_halt_of_its_own(saleproof: Any, tmp_path: Path) -> None:
    """64, and what to do instead; nothing is halted by it."""
    for words in (("halt", "--platform", "embedded"), ("resume", "--platform", "embedded")):
        refused = saleproof(*words)
        assert (refused.returncode, "leave --target out" in refused.stderr) == (64, True), refused.stderr
    assert not (tmp_path / "state" / "halt").exists()


def test_doctor_looks_and_says_what_to_do(saleproof: Any, tmp_path: Path) -> None:
    """0 when all is well, 69 for a problem; the target that is not up was not looked at, and says so."""
    well = saleproof("doctor", "--json")
    assert well.returncode == 0, well.stdout
    report = json.loads(well.stdout)
    levels = {finding["check"]: finding["level"] for finding in report["findings"]}
    assert report["ok"] is True
    assert levels["target"] == "warning"
    assert {levels[c] for c in ("python", "system", "clock", "state folder", "store", "halt", "ledger")} == {"ok"}
    (tmp_path / "state" / "halt").touch()
    halted = saleproof("doctor")
    assert halted.returncode == 69
    assert "saleproof resume" in halted.stdout
    assert halted.stdout.splitlines()[-1] == "1 problem"


def test_doctor_needs_no_target(saleproof: Any, tmp_path: Path) -> None:
    """In any folder the machine can be looked at."""
    done = saleproof("doctor", cwd=tmp_path, PYTHONPATH=str(ROOT))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "target" not in done.stdout.replace(str(tmp_path), "")


def test_production_is_refused_before_anything_is_started(saleproof: Any, tmp_path: Path) -> None:
    """Not armed, armed by another name, and armed but without a guard: 75 each, one line."""
    target = tmp_path / "targets" / "shop.yaml"
    target.parent.mkdir()
    text = (ROOT / "targets/shop.yaml").read_text()
    target.write_text(text.replace("environment: local", "environment: production"))
    experiment = tmp_path / "x.yaml"
    experiment.write_text((ROOT / "tests/e2e/quick.yaml").read_text())
    run = ("run", str(experiment), "--target", str(target))
    for words, environment, said in (
        ((), {}, "--arm shop"),
        (("--arm", "shoop"), {}, "'shoop' is not its name"),
        ((), {"SALEPROOF_ARM": "other"}, "'other' is not its name"),
        (("--arm", "shop"), {}, "no abort condition"),
        ((), {"SALEPROOF_ARM": "shop"}, "no abort condition"),
    ):
        done = saleproof(*run, *words, **environment)
        assert done.returncode == 75, done.stderr
        assert said in done.stderr
        assert done.stderr.count("\n") == 1
    assert not (tmp_path / "state" / "embedded" / "shop" / "target.json").exists()
