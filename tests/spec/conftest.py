"""Files to work on: a good target and a good experiment, and a way to change them."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

FILES = Path(__file__).parent / "files"
GOOD = FILES / "experiments" / "good.yaml"
SHOP = FILES / "targets" / "shop.yaml"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with `targets/shop.yaml` and `experiments/`."""
    shutil.copytree(FILES, tmp_path, dirs_exist_ok=True)
    return tmp_path


@pytest.fixture
def experiment(folder: Path) -> Callable[..., Path]:
    """The good experiment with texts replaced: `experiment(("300ms", "300"))`."""

    def write(*changes: tuple[str, str], name: str = "x.yaml") -> Path:
        return _changed(GOOD, folder / "experiments" / name, changes)

    return write


@pytest.fixture
def target(folder: Path) -> Callable[..., Path]:
    """The good target with texts replaced."""

    def write(*changes: tuple[str, str], name: str = "shop.yaml") -> Path:
        return _changed(SHOP, folder / "targets" / name, changes)

    return write


def _changed(source: Path, path: Path, changes: tuple[tuple[str, str], ...]) -> Path:
    text = source.read_text()
    for old, new in changes:
        assert old in text, f"{old!r} is not in {source.name}"
        text = text.replace(old, new, 1)
    path.write_text(text)
    return path
