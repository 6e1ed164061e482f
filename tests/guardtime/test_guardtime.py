"""The stopwatch itself, and what the guard's own test is for otherwise: whole runs on real parts."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from .__main__ import once, table
from .cases import CASES
from .grounds import Ground

pytestmark = pytest.mark.e2e
(DOWN,) = (case for case in CASES if case.name == "down")


@pytest.fixture(scope="module")
def ground() -> Iterator[Ground]:
    with Ground() as up:
        yield up


def test_a_breach_is_measured_from_the_record_and_from_outside(ground: Ground) -> None:
    """The guard sees it, reverts, and it is gone as Toxiproxy's API says too; the table has the figures."""
    row = once(ground, DOWN)
    assert "wrong" not in row, row
    assert 0 < row["seen"] <= row["issued"] <= row["reverted"]
    assert row["outside"] > 0
    assert "| embedded | down | 1 |" in table([row])


def test_a_window_ends_once_it_is_decided(ground: Ground) -> None:
    """A link that is down for 20 s is a weakness shown within a few: the fault goes, and the verdict says what that
    saved. The run itself is whole."""
    file = ground.folder / "decided.yaml"
    file.write_text(DOWN.text().replace(f"abort: [{DOWN.condition}]\n", "until: decided\n"))
    done = ground.saleproof("run", str(file), "--json")
    verdict = json.loads(done.stdout)
    assert (done.returncode, verdict["status"], verdict["outcome"]) == (1, "completed", "deviated"), done.stderr
    (during,) = [window for window in verdict["windows"] if window["window"] == "during 1"]
    assert during["decided"] == "availability >= 90% deviated"
    assert during["saved_s"] == pytest.approx(20 - during["lasted_s"])
    assert not ground.broken("link")
