"""Runs to report on: the judge's hand-written journals, and the snapshots to compare with."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent


@pytest.fixture
def make() -> Any:
    """The builder of tests/judge."""
    path = HERE.parent / "judge" / "conftest.py"
    spec = importlib.util.spec_from_file_location("hand_written_journals", path)
    assert spec is not None
    assert spec.loader is not None
    import sys

    module = importlib.util.module_from_spec(spec)
    sys.modules.setdefault(spec.name, module)  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module.Make


@pytest.fixture
def snapshot() -> Callable[[str, str], None]:
    """Compare with a file; `SNAPSHOTS=write` writes it anew."""

    def check(name: str, text: str) -> None:
        path = HERE / "snapshots" / name
        if os.environ.get("SNAPSHOTS") == "write":
            path.write_text(text + "\n")
        assert path.exists(), f"no snapshot {path}; make it with SNAPSHOTS=write"
        assert text + "\n" == path.read_text()

    return check
