"""What a watchdog does when its runner has died, and what it leaves to others."""

from __future__ import annotations

from pathlib import Path

import pytest

from chaos.engine.lock import TargetLock
from chaos.platforms.embedded.platform import EmbeddedPlatform
from chaos.rehearsal.watchdog import clean_up


@pytest.fixture
def taken_down(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The targets that somebody took down."""
    found: list[str] = []
    monkeypatch.setattr(EmbeddedPlatform, "clean", found.append)
    return found


def test_it_takes_down_what_its_run_had_brought_up(tmp_path: Path, taken_down: list[str]) -> None:
    """Also when no record of the run was begun, or the store does not open."""
    assert clean_up("r1", tmp_path, str(tmp_path / "runs.db"), "shop") == 0
    (tmp_path / "broken.db").write_bytes(b"nonsense" * 1000)
    assert clean_up("r1", tmp_path, str(tmp_path / "broken.db"), "shop") == 0
    assert taken_down == ["shop", "shop"]


def test_it_leaves_a_target_that_another_run_has_by_now(
    tmp_path: Path, taken_down: list[str], capfd: pytest.CaptureFixture[str]
) -> None:
    """The dead runner's lock went with it, and the next run may have been quicker than the clean-up."""
    with TargetLock(tmp_path / "locks", "shop", "run r2"):
        assert clean_up("r1", tmp_path, str(tmp_path / "runs.db"), "shop") == 0
    assert taken_down == []
    assert "run r2" in capfd.readouterr().err
