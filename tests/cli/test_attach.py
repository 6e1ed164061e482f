"""attach and detach before any engine is asked."""

from __future__ import annotations

from pathlib import Path

import pytest

from chaos.cli import main
from chaos.cli.attach import refuse_disturbed
from chaos.engine.ledger import Entry, Ledger
from chaos.engine.lock import TargetLock
from chaos.errors import Refused
from chaos.model.fault import ANSWERS, Undo
from chaos.spec.target import load_target
from chaos.state import state_dir

TEXT = """\
target: voting
services: {vote: {}, redis: {}}
links: {vote -> redis: {protocol: redis}}
platforms: {compose: {project: voting}}
"""


@pytest.fixture
def target(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SALEPROOF_STATE", str(tmp_path / "state"))
    monkeypatch.delenv("SALEPROOF_ARM", raising=False)
    # Whoever asks an engine fails by this.
    monkeypatch.setenv("DOCKER_HOST", "unix:///nobody/here.sock")
    path = tmp_path / "voting.yaml"
    path.write_text(TEXT)
    return path


def test_production_has_to_be_armed(target: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A proxy in the way of real customers is no small thing."""
    target.write_text(TEXT + "environment: production\n")
    assert main(["attach", "vote -> redis", "--target", str(target)]) == 75
    assert "--arm voting" in capsys.readouterr().err
    assert main(["attach", "vote -> redis", "--target", str(target), "--arm", "voting"]) == 69
    assert "--arm" not in capsys.readouterr().err


@pytest.mark.parametrize("words", [["attach", "vote -> redis"], ["detach"]])
def test_not_while_a_run_uses_the_target(target: Path, words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with TargetLock(state_dir() / "locks", "voting", "run 20260101-000000-aaaa"):
        assert main([*words, "--target", str(target)]) == 75
    assert "in use by run 20260101-000000-aaaa" in capsys.readouterr().err


@pytest.mark.parametrize("where", ["vote -> redis", "vote -> redis" + ANSWERS])
def test_not_while_a_fault_is_on_the_link(target: Path, where: str) -> None:
    undo = Undo(kind="latency", where=where, data={})
    entry = Entry(run="r", fault="1.1", place=where, target="voting", undo=undo)
    Ledger(state_dir() / "ledger").open(entry)
    with pytest.raises(Refused, match="saleproof recover"):
        refuse_disturbed(load_target(target), ["vote -> redis"], "detach")
    refuse_disturbed(load_target(target), ["vote -> db"], "detach")
