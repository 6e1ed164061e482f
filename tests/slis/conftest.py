"""Servers that end with the test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from tests.slis.sources import Answer, Web


@pytest.fixture
def web() -> Iterator[Callable[..., Web]]:
    with ExitStack() as stack:

        def start(**pages: Answer) -> Web:
            found = Web(**pages)
            stack.callback(found.close)
            return found

        yield start
