"""The big red button, for real: a run with its fault on, halted by another process or by a file made by hand."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from .conftest import Saleproof
from .test_safety import RUN, started, toxics, until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]


def test_halt_reverts_stops_and_refuses_until_resume(saleproof: Saleproof) -> None:
    """Exit 130, every toxic gone, a new run refused with who, why and how to go on; after `resume` it works again."""
    run, api, fault = started(saleproof)
    assert len(toxics(api)) == 3
    halted = saleproof("halt", "--reason", "the sale has begun", "--json")
    assert halted.returncode == 0, halted.stderr
    assert toxics(api) == []
    report = json.loads(halted.stdout)
    assert report["runs"] == [fault["run"]]
    assert (report["still_open"], report["still_running"]) == ([], [])
    out, _ = run.communicate(timeout=30)
    assert run.returncode == 130
    assert "halted by" in out
    newest = saleproof.json("runs")[0]
    assert (newest["id"], newest["status"], newest["exit"]) == (fault["run"], "interrupted", 130)

    refused = saleproof(*RUN)
    assert refused.returncode == 75
    assert "the sale has begun" in refused.stderr
    assert "saleproof resume" in refused.stderr
    assert saleproof.json("resume")["was_halted"] is True
    again = saleproof(*RUN)
    assert again.returncode == 0, again.stdout + again.stderr


def test_a_file_made_by_hand_halts_too(saleproof: Saleproof) -> None:
    """`touch halt`, with nothing in it: the toxics are gone within seconds, and the run ends with 130."""
    run, api, _ = started(saleproof)
    (saleproof.state / "halt").touch()
    until(lambda: toxics(api) == [], within_s=5)
    run.communicate(timeout=30)
    assert run.returncode == 130
    assert saleproof(*RUN).returncode == 75


def test_a_halt_unwinds_a_target_that_is_coming_up(saleproof: Saleproof) -> None:
    """Nothing is injected yet and nothing is recorded; what was started goes down again."""
    run = saleproof.start(*RUN)
    until(lambda: any("targets.shop" in line for line in saleproof.leftovers()), within_s=20)
    assert saleproof("halt").returncode == 0
    _, err = run.communicate(timeout=30)
    assert run.returncode == 130, err
    assert "halted by" in err
    until(lambda: saleproof.leftovers() == [], within_s=10)


def test_a_plain_chaos_toolkit_experiment_is_stopped_and_rolled_back(saleproof: Saleproof, tmp_path: Path) -> None:
    """Its activity ends at once, its rollbacks run, the exit is 130, and `halt` waits for all that."""
    undone, began = tmp_path / "undone", tmp_path / "began"
    experiment = {
        "title": "a long one", "description": "sleeps",
        "method": [
            {"type": "action", "name": "begin", "provider": {
                "type": "process", "path": "touch", "arguments": str(began)}},
            {"type": "action", "name": "sleep", "provider": {
                "type": "process", "path": "sleep", "arguments": "60"}},
        ],
        "rollbacks": [{"type": "action", "name": "undo", "provider": {
            "type": "process", "path": "touch", "arguments": str(undone)}}],
    }  # fmt: skip
    file = tmp_path / "long.json"
    file.write_text(json.dumps(experiment))
    run = saleproof.start("run", str(file), "--journal", str(tmp_path / "journal.json"))
    until(began.exists, within_s=30)
    began_s = time.monotonic()
    halted = saleproof("halt", "--json")
    run.communicate(timeout=30)
    assert time.monotonic() - began_s < 30
    assert run.returncode == 130
    assert undone.exists()
    assert len(json.loads(halted.stdout)["runs"]) == 1
    assert json.loads((tmp_path / "journal.json").read_text())["status"] == "interrupted"
    assert saleproof("run", str(file)).returncode == 75
