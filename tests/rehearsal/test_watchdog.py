"""What a watchdog does when its runner has died, and what it leaves to others."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from chaos.engine.lock import TargetLock
from chaos.platforms.embedded.platform import EmbeddedPlatform
from chaos.rehearsal.takedown import TakeDown
from chaos.rehearsal.watchdog import clean_up
from chaos.spec.target import load_target


@pytest.fixture
def down(tmp_path: Path) -> Callable[[], Path]:
    """What a run writes down of the shop that it brought up; one file a run."""
    target = load_target(Path(__file__).parents[2] / "targets" / "shop.yaml")
    return lambda: TakeDown(platform="embedded", target=target).write(tmp_path, "r1")


@pytest.fixture
def taken_down(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The targets that somebody took down."""
    found: list[str] = []
    monkeypatch.setattr(EmbeddedPlatform, "clean", lambda target: found.append(target.name))
    return found


def test_it_takes_down_what_its_run_had_brought_up(
    tmp_path: Path, taken_down: list[str], down: Callable[[], Path]
) -> None:
    """Also when no record of the run was begun, or the store does not open."""
    assert clean_up("r1", tmp_path, str(tmp_path / "runs.db"), down()) == 0
    (tmp_path / "broken.db").write_bytes(b"nonsense" * 1000)
    assert clean_up("r1", tmp_path, str(tmp_path / "broken.db"), down()) == 0
    assert taken_down == ["shop", "shop"]


def test_it_leaves_a_target_that_another_run_has_by_now(
    tmp_path: Path, taken_down: list[str], down: Callable[[], Path], capfd: pytest.CaptureFixture[str]
) -> None:
    """The dead runner's lock went with it, and the next run may have been quicker than the clean-up."""
    with TargetLock(tmp_path / "locks", "shop", "run r2"):
        assert clean_up("r1", tmp_path, str(tmp_path / "runs.db"), down()) == 0
    assert taken_down == []
    assert "run r2" in capfd.readouterr().err
