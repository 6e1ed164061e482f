"""The platforms as fixtures: the tiny shop of the faults' tests, and the same small target embedded and on compose."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parents[1] / "faults"))
sys.path.insert(0, str(Path(__file__).parent))

import composeshop
from grounds import EmbeddedShop, target
from shopfixtures import shop, traffic

__all__ = ["compose", "embedded", "shop", "traffic"]


@pytest.fixture(scope="session")
def compose() -> Iterator[composeshop.ComposeShop]:
    """The same small target in containers, one project for each test process. Every test leaves it as it found it."""
    with composeshop.running() as shop:
        yield shop


@pytest.fixture(scope="session")
def embedded() -> Iterator[EmbeddedShop]:
    """The same small target on the embedded platform, in a state folder of its own."""
    # Not pytest's folder, whose name may be too long for the path of a unix socket.
    state = tempfile.mkdtemp(prefix="saleproof-")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SALEPROOF_STATE", state)
        try:
            up = EmbeddedShop.up(target(), "default")
            try:
                yield up
            finally:
                up.down()
        finally:
            shutil.rmtree(state, ignore_errors=True)
