"""A halt during a plain Chaos Toolkit experiment, with its real engine: what runs ends, what undoes is left alone."""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from chaos.engine import vanilla
from chaos.judge.chaostoolkit import judge_chaostoolkit


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Python activities: one that swallows every exception, one that takes its time to undo."""
    (tmp_path / "halted_activities.py").write_text(
        "import time\nfrom pathlib import Path\n"
        "def stubborn(path):\n"
        "    Path(path).touch()\n"
        "    for _ in range(3):\n"
        "        try:\n"
        "            time.sleep(30)\n"
        "        except Exception:\n"
        "            pass\n"
        "    return True\n"
        "def undo(path):\n"
        "    Path(path + '.begun').touch()\n"
        "    time.sleep(1.5)\n"
        "    Path(path).touch()\n"
        "    return True\n"
        "def quick():\n"
        "    return True\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    yield "halted_activities"
    sys.modules.pop("halted_activities", None)


def activity(module: str, func: str, **arguments: str) -> dict[str, Any]:
    provider = {"type": "python", "module": module, "func": func, "arguments": arguments}
    return {"type": "action", "name": func, "provider": provider}


def run(experiment: dict[str, Any], halted: Any) -> dict[str, Any]:
    from chaoslib.run import initialize_run_journal

    journal: dict[str, Any] = initialize_run_journal(experiment)
    vanilla.execute(experiment, journal, lambda line: None, halted)
    return journal


def test_an_activity_that_swallows_everything_ends_and_is_rolled_back(module: str, tmp_path: Path) -> None:
    """Interrupted with the reason, exit 130; the rollback ran whole."""
    began, undone = tmp_path / "began", tmp_path / "undone"
    experiment = {
        "title": "t", "description": "d", "method": [activity(module, "stubborn", path=str(began))],
        "rollbacks": [activity(module, "undo", path=str(undone))],
    }  # fmt: skip
    began_s = time.monotonic()
    journal = run(experiment, lambda: "halted by ana: sale" if began.exists() else "")
    assert time.monotonic() - began_s < 25
    assert undone.exists()
    status, _, code, reasons = judge_chaostoolkit(journal)
    assert (status.value, code, reasons[0]) == ("interrupted", 130, "halted by ana: sale")


def test_rollbacks_are_never_interrupted(module: str, tmp_path: Path) -> None:
    """A halt that comes while they run changes nothing: they are what a halt wants."""
    undone = tmp_path / "undone"
    begun = tmp_path / "undone.begun"
    experiment = {
        "title": "t", "description": "d", "method": [activity(module, "quick")],
        "rollbacks": [activity(module, "undo", path=str(undone))],
    }  # fmt: skip
    journal = run(experiment, lambda: "halted by ana" if begun.exists() else "")
    assert undone.exists()
    assert journal["status"] == "completed"
    assert "saleproof-halt" not in journal


def test_everything_is_put_back(module: str) -> None:
    """Handlers as before, no thread left."""
    before, threads = signal.getsignal(signal.SIGUSR1), threading.active_count()
    journal = run({"title": "t", "description": "d", "method": [activity(module, "quick")]}, lambda: "")
    assert journal["status"] == "completed"
    assert signal.getsignal(signal.SIGUSR1) is before
    assert threading.active_count() == threads
