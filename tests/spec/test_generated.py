"""Generated bad files, a few hundred in every `make test`; `make fuzz` tries 10,000."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

from . import generated


def test_bad_files_end_in_a_sentence() -> None:
    """In this process; other files than those of the published run."""
    found = generated.try_files(0, 300, seed=7)
    assert found.wrong == []
    assert found.files == 300
    assert found.codes["validate 65"] > 200  # most of them are bad indeed
    assert found.codes["validate 0"] > 5


def test_what_is_wrong_would_be_seen(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A loader that breaks is counted, whatever it raises."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))  # for the crashes' files

    def broken(path: Path) -> str:
        raise KeyError("no such thing")

    monkeypatch.setattr("chaos.spec.kind", broken)
    found = generated.try_files(0, 3, seed=7)
    assert len(found.wrong) == 3
    assert "exited with 70" in found.wrong[0]


@pytest.mark.parametrize("number", range(6))
def test_bad_files_through_the_real_command(tmp_path: Path, number: int) -> None:
    """The same, in a process of its own, as a person would see it."""
    chance = random.Random(number)
    content = generated.spoilt(generated.seeds()[number][1], chance)
    path = tmp_path / "bad.yaml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8", "surrogatepass"))
    done = subprocess.run(
        [sys.executable, "-m", "chaos", "validate", str(path)], capture_output=True, text=True, check=False,
        cwd=generated.ROOT, env=os.environ | {"SALEPROOF_STATE": str(tmp_path / "state")},
    )  # fmt: skip
    assert done.returncode in (0, 65)
    assert "Traceback" not in done.stderr
    assert done.returncode == 0 or "bad.yaml" in done.stderr
