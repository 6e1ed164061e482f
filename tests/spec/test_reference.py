"""The reference pages are what the code says."""

from __future__ import annotations

from pathlib import Path

import pytest

from chaos import errors
from chaos.faults import FAULTS
from chaos.model import verdict
from chaos.model.sli import LOAD_SLIS, Shape
from chaos.spec import reference


def test_the_committed_pages_are_the_codes() -> None:
    """After a change of keys, faults, commands or exit codes: `python -m chaos.spec.reference --write`."""
    assert reference.differing() == []


def test_a_stale_page_is_noticed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Missing and changed pages are named, and the command fails."""
    assert reference.main(["--write", "--folder", str(tmp_path)]) == 0
    assert reference.main(["--folder", str(tmp_path)]) == 0
    (tmp_path / "faults.md").write_text("old")
    (tmp_path / "target.md").unlink()
    assert reference.main(["--folder", str(tmp_path)]) == 1
    said = capsys.readouterr().out
    assert "faults.md differs" in said
    assert "target.md differs" in said


@pytest.mark.parametrize("word", FAULTS)
def test_every_fault_is_documented(word: str) -> None:
    """With what it does, an example, and each of its keys explained."""
    page = reference.faults_page()
    assert f"## {word}\n" in page
    section = page.split(f"\n## {word}\n")[1].split("\n## ")[0]
    assert FAULTS[word].example in section
    assert "|  |\n" not in section, "a key without a word on what it means"


def test_every_sli_is_documented() -> None:
    """Each shape has its row, each load SLI its name."""
    assert set(reference.SHAPES) == set(Shape)
    assert all(f"`{name}`" in reference.conditions_page() for name in LOAD_SLIS)


def test_every_exit_code_is_documented() -> None:
    """Those of the error tree, and those of the verdict."""
    codes = {kind.exit_code for kind in vars(errors).values() if isinstance(kind, type) and hasattr(kind, "exit_code")}
    codes |= {value for name, value in vars(verdict).items() if name.startswith("EXIT_")}
    assert codes == set(reference.EXIT_CODES)


def test_every_key_of_our_files_is_documented() -> None:
    """No row without a meaning."""
    for page in (reference.experiment_page(), reference.target_page()):
        empty = [line for line in page.splitlines() if line.startswith("| `") and line.endswith("|  |")]
        assert empty == []
