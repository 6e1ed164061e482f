"""Which projects on which engines this user has had to do with."""

from __future__ import annotations

from pathlib import Path

import pytest

from chaos.platforms.compose.engine import Endpoint
from chaos.platforms.compose.notes import SHARED, Note


def test_a_note_that_goes_away_meanwhile_keeps_nobody_from_the_others(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """`saleproof halt` tells all that there are, though another process removes one just now."""
    monkeypatch.setenv("SALEPROOF_STATE", str(tmp_path))
    note = Note(target="shop", project="shop", endpoint=Endpoint(host="unix:///none"))
    SHARED.write(note)
    (tmp_path / "shared" / "gone.json").symlink_to(tmp_path / "nothing")  # listed, and not there
    assert SHARED.all(since_s=1.0) == (note,)
