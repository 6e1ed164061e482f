"""Where the user's state is."""

from __future__ import annotations

from pathlib import Path

import pytest

from chaos.errors import SaleproofError
from chaos.state import state_dir


def test_the_first_of_three_places_that_is_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`SALEPROOF_STATE`, then `XDG_STATE_HOME`, then the home folder."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "xdg"))
    monkeypatch.setenv("SALEPROOF_STATE", str(tmp_path / "ours"))
    assert state_dir() == tmp_path / "ours"
    monkeypatch.delenv("SALEPROOF_STATE")
    assert state_dir() == tmp_path / "xdg" / "saleproof"
    monkeypatch.setenv("XDG_STATE_HOME", "relative")
    assert state_dir() == tmp_path / "home" / ".local" / "state" / "saleproof"


def test_it_is_private(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is made is the user's alone."""
    monkeypatch.setenv("SALEPROOF_STATE", str(tmp_path / "new"))
    assert state_dir().stat().st_mode & 0o777 == 0o700


def test_a_folder_of_others_keeps_its_mode(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pointing it at a shared folder such as /tmp does not lock everybody out of it."""
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o755)
    monkeypatch.setenv("SALEPROOF_STATE", str(shared))
    assert state_dir().stat().st_mode & 0o777 == 0o755


def test_one_that_cannot_be_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One clear line with the way out."""
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("SALEPROOF_STATE", str(tmp_path / "file" / "state"))
    with pytest.raises(SaleproofError, match=r"cannot be made: .*set SALEPROOF_STATE"):
        state_dir()
