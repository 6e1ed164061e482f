"""Plain Chaos Toolkit experiments, run as they are; the stock engine's false greens do not read as a pass."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

TRUE = {"type": "python", "module": "os.path", "func": "exists", "arguments": {"path": "/"}}
BROKEN = {"type": "python", "module": "os", "func": "listdir", "arguments": {"path": "/no/such/folder"}}


def experiment(**parts: Any) -> dict[str, Any]:
    """One that passes, but for the given parts."""
    probe = {"type": "probe", "name": "the flag is there", "tolerance": True, "provider": TRUE}
    return {
        "version": "1.0.0", "title": "plain", "description": "plain",
        "steady-state-hypothesis": {"title": "steady", "probes": [probe]},
        "method": [{"type": "action", "name": "do", "provider": TRUE}], "rollbacks": [], **parts,
    }  # fmt: skip


def run(folder: Path, body: dict[str, Any], *words: str) -> tuple[int, dict[str, Any]]:
    """Exit code and verdict."""
    (folder / "plain.json").write_text(json.dumps(body))
    done = subprocess.run(
        [sys.executable, "-m", "chaos", "run", "plain.json", "--json", *words], cwd=folder, capture_output=True,
        text=True, env={**os.environ, "SALEPROOF_STATE": str(folder / "state")}, check=False, timeout=60,
    )  # fmt: skip
    assert "Traceback" not in done.stderr
    return done.returncode, json.loads(done.stdout)


def test_it_runs_and_leaves_its_journal(tmp_path: Path) -> None:
    """Exit 0, and journal.json in the Chaos Toolkit's format, as `chaos run` leaves it."""
    code, verdict = run(tmp_path, experiment())
    assert (code, verdict["outcome"]) == (0, "held")
    journal = json.loads((tmp_path / "journal.json").read_text())
    assert (journal["status"], journal["deviated"]) == ("completed", False)
    assert [r["status"] for r in journal["run"]] == ["succeeded"]


def test_no_hypothesis_says_so(tmp_path: Path) -> None:
    """Nothing was claimed, so 0 means that it ran."""
    body = experiment()
    del body["steady-state-hypothesis"]
    code, verdict = run(tmp_path, body)
    assert (code, verdict["reasons"]) == (0, ["completed, no hypothesis"])


def test_t1_failing_only_during_the_method_is_deviated(tmp_path: Path) -> None:
    """The stock engine: 4 of 4 checks during the fault fail, then it recovers: `deviated: false`, exit 0."""
    flag = tmp_path / "flag"
    flag.touch()
    gone = {"type": "python", "module": "os", "func": "remove", "arguments": {"path": str(flag)}}
    back = {"type": "process", "path": "touch", "arguments": str(flag)}
    probe = {
        "type": "probe", "name": "the flag is there", "tolerance": True,
        "provider": {"type": "python", "module": "os.path", "func": "exists", "arguments": {"path": str(flag)}},
    }  # fmt: skip
    body = experiment(
        **{"steady-state-hypothesis": {"title": "steady", "probes": [probe]}},
        method=[
            {"type": "action", "name": "break", "provider": gone, "pauses": {"after": 1}},
            {"type": "action", "name": "mend", "provider": back},
        ],
        runtime={"hypothesis": {"strategy": "continuously"}},
    )
    code, verdict = run(tmp_path, body)
    assert json.loads((tmp_path / "journal.json").read_text())["deviated"] is False
    assert (code, verdict["outcome"]) == (1, "deviated"), verdict
    assert "the flag is there" in verdict["reasons"][0]


def test_t6_an_injection_that_failed_is_not_a_pass(tmp_path: Path) -> None:
    """The stock engine: injection failed, shop healthy: completed, exit 0. Here 2."""
    code, verdict = run(tmp_path, experiment(method=[{"type": "action", "name": "break it", "provider": BROKEN}]))
    assert (code, verdict["outcome"]) == (2, "inconclusive")
    assert verdict["reasons"] == ["break it: the activity failed"]


def test_t6_a_rollback_that_failed_is_exit_3(tmp_path: Path) -> None:
    """What it should have undone may still be in place."""
    code, verdict = run(tmp_path, experiment(rollbacks=[{"type": "action", "name": "undo it", "provider": BROKEN}]))
    assert code == 3
    assert "undo it" in verdict["reasons"][0]


def test_t2_rollbacks_run_although_the_hypothesis_failed(tmp_path: Path) -> None:
    """The stock default skips them after a failed hypothesis; here they always run, unless the file says otherwise."""
    undone = tmp_path / "undone"
    undo = {"type": "process", "path": "touch", "arguments": str(undone)}
    never = {"type": "probe", "name": "never", "tolerance": False, "provider": TRUE}
    code, _ = run(
        tmp_path,
        experiment(
            **{"steady-state-hypothesis": {"title": "steady", "probes": [never]}},
            rollbacks=[{"type": "action", "name": "undo", "provider": undo}],
        ),
    )  # fmt: skip
    assert undone.exists()
    assert code == 2  # not steady before


def test_a_broken_file_is_exit_65(tmp_path: Path) -> None:
    """Validated by the Chaos Toolkit's own rules, with our words."""
    body = experiment()
    body["method"][0].pop("provider")
    (tmp_path / "bad.json").write_text(json.dumps(body))
    done = subprocess.run(
        [sys.executable, "-m", "chaos", "run", "bad.json"], cwd=tmp_path, capture_output=True, text=True, check=False,
        env={**os.environ, "SALEPROOF_STATE": str(tmp_path / "state")},
    )  # fmt: skip
    assert done.returncode == 65
    assert "bad.json" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("option", [("--variant", "x"), ("--profile", "ci")])
def test_options_of_our_own_experiments_are_refused(tmp_path: Path, option: tuple[str, str]) -> None:
    """They would silently mean nothing."""
    (tmp_path / "plain.json").write_text(json.dumps(experiment()))
    done = subprocess.run(
        [sys.executable, "-m", "chaos", "run", "plain.json", *option], cwd=tmp_path, capture_output=True, text=True,
        env={**os.environ, "SALEPROOF_STATE": str(tmp_path / "state")}, check=False,
    )  # fmt: skip
    assert done.returncode == 64


def test_an_unknown_strategy_is_exit_65(tmp_path: Path) -> None:
    """With the nearest known one, before anything runs."""
    (tmp_path / "plain.json").write_text(json.dumps(experiment(runtime={"hypothesis": {"strategy": "continuous"}})))
    done = subprocess.run(
        [sys.executable, "-m", "chaos", "run", "plain.json"], cwd=tmp_path, capture_output=True, text=True, check=False,
        env={**os.environ, "SALEPROOF_STATE": str(tmp_path / "state")},
    )  # fmt: skip
    assert done.returncode == 65
    assert "Did you mean 'continuously'?" in done.stderr
