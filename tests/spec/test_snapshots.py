"""What a person reads when a file is wrong, word for word.

`UPDATE_SNAPSHOTS=1 pytest tests/spec/test_snapshots.py` writes them anew; read the difference before committing it.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from chaos import spec
from chaos.errors import SpecError

HERE = Path(__file__).parent
BAD = sorted((HERE / "bad").iterdir())


@pytest.mark.parametrize("path", BAD, ids=lambda p: p.name)
def test_the_message_is_the_one_that_was_agreed(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A change of wording is a change that somebody looks at."""
    shutil.copytree(HERE / "files" / "targets", tmp_path / "targets")
    shutil.copy(path, tmp_path)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SpecError) as caught:
        _load(path.name)
    said = f"{caught.value}\n".replace(str(tmp_path), "FOLDER")
    snapshot = HERE / "snapshots" / f"{path.name}.txt"
    if os.environ.get("UPDATE_SNAPSHOTS"):
        snapshot.write_text(said, encoding="utf-8")
    assert said == snapshot.read_text(encoding="utf-8")


def test_every_snapshot_has_its_file() -> None:
    """A message nobody can produce any more is not kept."""
    assert {p.name.removesuffix(".txt") for p in (HERE / "snapshots").iterdir()} == {p.name for p in BAD}


def _load(name: str) -> None:
    if spec.kind(name) == "target":
        spec.load_target(name)
    else:
        spec.load_experiment(name)
