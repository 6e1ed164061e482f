"""`saleproof calibrate`: what it refuses, and a short one on a small real target."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from chaos.cli import main

from ..e2e.small import Small, small

ROOT = Path(__file__).parents[2]
SHOP = str(ROOT / "targets" / "shop.yaml")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--windows", "5"], "--windows 5: "),
        (["--windows", "2h"], "it must be from 1s to 1h"),
        (["--runs", "0"], "--runs"),
        (["--objective", "pages.p99 > 2s"], "points the wrong way"),
        (["--objective", "availibility >= 99%"], "Did you mean 'availability'?"),
        (["--variant", "fragil"], "Did you mean 'fragile'?"),
    ],
)
def test_what_makes_no_sense_is_refused(words: list[str], says: str, capsys: pytest.CaptureFixture[str]) -> None:
    """In a sentence, before anything is brought up."""
    assert main(["calibrate", SHOP, *words]) == 64
    assert says in capsys.readouterr().err


def test_a_target_without_objectives_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With what can be done about it."""
    text = (ROOT / "tests" / "torture" / "target.yaml").read_text()
    file = tmp_path / "bare.yaml"
    file.write_text(text.replace("PROGRAM", "/there/is/none").replace("VALKEY", "/there/is/none"))
    assert main(["calibrate", str(file)]) == 64
    assert "declares no SLOs" in capsys.readouterr().err


@pytest.fixture
def ground() -> Iterator[Small]:
    """A small target that is down, and promises something."""
    with small() as found:
        found.saleproof("down")
        target = found.folder / "target.yaml"
        target.write_text(target.read_text() + "slos:\n  - {objective: 'availability >= 90%', window: 30d}\n")
        yield found


@pytest.mark.e2e
def test_two_runs_on_a_small_target_and_a_third_one_later(ground: Small) -> None:
    """Brought up once and taken down; the runs are recorded, and counted again by --resume."""
    words = ("calibrate", str(ground.folder / "target.yaml"), "--windows", "1s", "--json")
    first = ground.command(*words, "--runs", "2")
    found = json.loads(first.stdout)
    assert (len(found["runs"]), found["alarmed"]) == (2, 0), first.stderr
    assert found["objectives"][0]["total"] > 300
    assert found["objectives"][0]["detections"][0]["p95_s"] < 2
    assert "run 2 of 2" in first.stderr
    second = ground.command(*words, "--runs", "3", "--resume")
    again = json.loads(second.stdout)
    assert again["runs"][:2] == found["runs"]
    assert len(again["runs"]) == 3
    target = ground.folder / "target.yaml"
    target.write_text(target.read_text().replace("rate: 130/s", "rate: 60/s"))
    slower = ground.command(*words, "--runs", "1", "--resume")
    assert "3 of when its target file was another do not count" in slower.stderr
    assert not set(json.loads(slower.stdout)["runs"]) & set(again["runs"])
    assert json.loads(ground.saleproof("status", "--json").stdout)["up"] is False


@pytest.mark.e2e
def test_ctrl_c_says_what_was_learned_by_then(ground: Small) -> None:
    """130, the figures of the runs that were completed, and nothing left up."""
    target = str(ground.folder / "target.yaml")
    words = [sys.executable, "-m", "chaos", "calibrate", target, "--windows", "1s", "--runs", "50", "--json"]
    run = subprocess.Popen(
        words, cwd=ROOT, env=ground.environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert run.stderr is not None
    assert any("run 1 of 50" in line for line in run.stderr)
    run.send_signal(signal.SIGINT)
    out, err = run.communicate(timeout=60)
    assert run.returncode == 130, err
    found = json.loads(out)
    assert len(found["runs"]) in (1, 2)
    assert "interrupted" in found["interrupted"]
    assert json.loads(ground.saleproof("status", "--json").stdout)["up"] is False
