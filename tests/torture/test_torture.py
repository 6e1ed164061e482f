"""A short torture in every `make test`, and the torture's own rules."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from chaos.faults import FAULTS as KNOWN
from chaos.planner.inventory import PLANNED

from .draw import FAULTS, draw
from .ground import ROOT
from .tally import Tally, percentile, table


def test_every_fault_is_tortured() -> None:
    """A new fault must be given its line, if it is one for the embedded platform."""
    here = PLANNED["embedded"] | {"TrafficShaper", "Anything"}
    # A placebo leaves nothing that could stay behind.
    assert set(FAULTS) == {kind for kind, fault in KNOWN.items() if fault.needs.__name__ in here} - {"placebo"}


def test_an_iteration_can_be_done_again() -> None:
    """The seed and the number say all; the faults take turns."""
    assert draw(7, 3) == draw(7, 3) != draw(8, 3)
    assert {draw(7, number).fault for number in range(len(FAULTS))} == set(FAULTS)


def test_results_outlive_a_torn_line(tmp_path: Path) -> None:
    """A torture that was itself killed goes on; the iteration whose line was torn is done again."""
    tally = Tally(tmp_path / "t.jsonl")
    row = {"killed": ["runner"], "in_place": True, "left": [], "damaged": [], "reverted_s": 0.5, "fault": "kill"}
    tally.add({"number": 0, **row})
    with tally.path.open("a") as file:
        file.write('{"number": 1, "fau')
    tally.add({"number": 2, **row})
    assert [r["number"] for r in tally.rows()] == [0, 2]
    assert "| all | 2 | 2 | 0 | 0 | 0.50 s | 0.50 s | 0.50 s |" in table(tally.rows())


def test_a_percentile_is_one_that_was_seen() -> None:
    assert percentile([float(n) for n in range(1, 101)], 0.99) == 99.0
    assert percentile([3.0], 0.99) == 3.0


@pytest.mark.e2e
@pytest.mark.timeout(280)
def test_ten_kills_leave_nothing(tmp_path: Path) -> None:
    """`make torture N=10`, on other choices than the published run's: 0 left, 0 damaged records, each quickly."""
    file = tmp_path / "torture.jsonl"
    done = subprocess.run(
        [sys.executable, "-m", "tests.torture", "--kills", "10", "--seed", "20261125", "--file", str(file)], cwd=ROOT,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    rows = [json.loads(line) for line in file.read_text().splitlines()]
    assert len(rows) == 10
    assert any(row["in_place"] for row in rows)
    assert max(row["reverted_s"] or 0 for row in rows) < 5
