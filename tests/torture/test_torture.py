"""A short torture in every `make test`, and the torture's own rules."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from chaos.faults import FAULTS as KNOWN
from chaos.planner.inventory import PLANNED

from .draw import COMPOSE, EMBEDDED, Odds, draw
from .ground import ROOT
from .tally import Row, Tally, percentile, table


@pytest.mark.parametrize(("platform", "odds"), [("embedded", EMBEDDED), ("compose", COMPOSE)])
def test_every_fault_is_tortured(platform: str, odds: Odds) -> None:
    """A new fault must be given its line, on each platform that has what it needs."""
    here = PLANNED[platform] | {"TrafficShaper", "Anything"}
    # A placebo leaves nothing that could stay behind.
    assert set(odds.faults) == {kind for kind, fault in KNOWN.items() if fault.needs.__name__ in here} - {"placebo"}


def test_an_iteration_can_be_done_again() -> None:
    """The seed and the number say all; the faults take turns."""
    assert draw(7, 3) == draw(7, 3) != draw(8, 3)
    for odds in (EMBEDDED, COMPOSE):
        assert {draw(7, number, odds).fault for number in range(len(odds.faults))} == set(odds.faults)


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


def test_killed_with_the_agent_is_counted_apart() -> None:
    """Who reverts is by runner and watchdog; an agent that is killed besides is a line of its own."""
    row = {"in_place": True, "left": [], "damaged": [], "reverted_s": 0.5, "fault": "cpu"}
    killed = (["watchdog", "runner"], ["runner", "watchdog", "agent"], ["agent"])
    rows = [{"number": n, "killed": who, **row} for n, who in enumerate(killed)]
    assert "| both: `saleproof recover` reverts | 1 |" in table(rows)
    assert "| the agent, alone or besides | 2 |" in table(rows)
    assert "the agent" not in table(rows[:1])


def tortured(file: Path, *more: str) -> list[Row]:
    """What was done, of which nothing may be bad. Other choices than the published run's."""
    words = [sys.executable, "-m", "tests.torture", "--file", str(file), *more]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    rows = Tally(file).rows()
    assert any(row["in_place"] for row in rows)
    return rows


@pytest.mark.e2e
@pytest.mark.timeout(280)
def test_ten_kills_leave_nothing(tmp_path: Path) -> None:
    """`make torture N=10`: 0 left, 0 damaged records, each quickly."""
    rows = tortured(tmp_path / "torture.jsonl", "--kills", "10", "--seed", "20261125")
    assert len(rows) == 10
    assert max(row["reverted_s"] or 0 for row in rows) < 5


@pytest.mark.e2e
@pytest.mark.docker
@pytest.mark.timeout(480)
def test_kills_in_containers_leave_nothing(tmp_path: Path) -> None:
    """`make torture PLATFORM=compose`: runner, watchdog and agent are killed; the engine and the kernel tell."""
    if os.geteuid() != 0:
        pytest.skip("what is in a container's network and cgroup, only root may see")
    numbers = ("13", "17", "22")
    rows = tortured(tmp_path / "torture.jsonl", "--platform", "compose", "--seed", "33143", "--only", *numbers)
    assert [row["fault"] for row in rows] == ["pause", "isolate", "cpu-pressure"]
