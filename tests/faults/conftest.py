"""The tiny shop as a fixture, one for each test process."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import tinyshop


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tinyshop.TinyShop]:
    """A small real target; every test leaves it as it found it."""
    tinyshop.install()
    running = tinyshop.TinyShop(tmp_path_factory.mktemp("tiny"))
    try:
        running.up()
        yield running
    finally:
        running.down()
