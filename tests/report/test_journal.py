"""The Chaos Toolkit's journal: its own reporting plugin is the oracle."""

from __future__ import annotations

import dataclasses
import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from chaos.judge import judge
from chaos.model.event import FaultReverted
from chaos.report.journal import chaostoolkit_journal

# In a process of its own: the plugin imports half a dozen plotting libraries.
RENDER = """
import json, sys
from chaosreport import generate_report, generate_report_header
with open(sys.argv[1]) as file:
    report = generate_report(json.load(file), "markdown")
print(generate_report_header([sys.argv[1]], "markdown"))
print(report)
"""


def rendered(journal: dict[str, Any], folder: Path) -> str:
    path = folder / "journal.json"
    path.write_text(json.dumps(journal))
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", RENDER, str(path)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


needs_plugin = pytest.mark.skipif(
    importlib.util.find_spec("chaosreport") is None,
    reason="chaostoolkit-reporting is not installed; it comes with: pip install saleproof[bench]",
)


@needs_plugin
@pytest.mark.parametrize("killed", [False, True])
def test_the_reporting_plugin_renders_it(make: Any, tmp_path: Path, killed: bool) -> None:
    """Of a whole run, and of one that was killed in the middle and has no journal of the engine's at all."""
    story = make.Story().fail("during 1", 0.5)
    if killed:
        story.until(30.0).also(FaultReverted(at_s=36.0, fault="1.1", place=make.place, took_s=0.1, by="watchdog"))
    journal = story.journal()
    text = rendered(chaostoolkit_journal(journal, judge(journal)), tmp_path)
    assert "Checkout survives a slow database" in text
    assert "availability >= 99%" in text
    assert "latency: {link: web -> db, delay: 300ms}" in text


@needs_plugin
def test_the_reporting_plugin_renders_what_the_engine_left_half_done(make: Any, tmp_path: Path) -> None:
    """An interrupted activity has neither end nor a known status, and the state after was never looked at."""
    activity = {"type": "action", "name": "inject", "provider": {"type": "python", "module": "m", "func": "f"}}
    theirs = {
        "chaoslib-version": "1.44.0", "platform": "Linux", "node": "n", "status": "interrupted", "deviated": False,
        "experiment": {"title": "theirs", "description": "d", "method": [activity]},
        "start": "2026-11-21T11:33:01.000000", "steady_states": {"before": None, "after": None, "during": []},
        "run": [{"activity": activity, "status": "aborted", "start": "2026-11-21T11:33:02.000000"}], "rollbacks": [],
    }  # fmt: skip
    journal = dataclasses.replace(make.Story().journal(), chaostoolkit=theirs)
    made = chaostoolkit_journal(journal, judge(journal))
    assert made["run"][0]["status"] == "failed"
    assert theirs["run"][0]["status"] == "aborted"  # type: ignore[index]  # the record itself is not touched
    assert "theirs" in rendered(made, tmp_path)


def test_every_key_that_the_plugin_needs_is_there(make: Any) -> None:
    """FINDINGS of the plugin's crashes."""
    journal = make.Story().journal()
    made = chaostoolkit_journal(journal, judge(journal))
    assert {"chaoslib-version", "start", "end", "duration", "status", "deviated", "platform", "node"} <= set(made)
    assert made["experiment"]["method"]
    assert {"before", "after", "during"} <= set(made["steady_states"])
    assert all({"status", "start", "end", "duration", "output"} <= set(run) for run in made["run"])
    assert json.loads(json.dumps(made)) == made


def test_deviated_is_the_verdicts_and_not_the_engines(make: Any) -> None:
    """T1: the engine saw a healthy shop afterwards and would say `deviated: false`."""
    story = make.Story().fail("during 1", 0.5)
    journal = dataclasses.replace(story.journal(), chaostoolkit={"deviated": False, "status": "completed"})
    verdict = judge(journal)
    made = chaostoolkit_journal(journal, verdict)
    assert made["deviated"] is True
    assert made["saleproof"]["verdict"]["exit_code"] == 1
    assert made["steady_states"]["after"]["steady_state_met"] is True


def test_the_same_record_gives_the_same_journal(make: Any) -> None:
    """No clock is read."""
    journal = make.Story().journal()
    verdict = judge(journal)
    assert chaostoolkit_journal(journal, verdict) == chaostoolkit_journal(journal, verdict)
