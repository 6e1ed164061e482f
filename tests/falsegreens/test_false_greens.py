"""What the stock engine calls well, and ours does not: both are really run, on real faults."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ..e2e.small import Small, small
from .cases import CASES, Case

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]


@pytest.fixture(scope="module")
def shop() -> Iterator[Small]:
    with small() as up:
        yield up


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_it_is_caught(case: Case, shop: Small, tmp_path: Path) -> None:
    """Should the stock engine have mended one, this says so too: the table in docs/reliability.md is old then."""
    stock, ours = case.run(tmp_path, shop)
    assert case.caught(ours), ours.said
    assert case.green(stock), f"the stock engine does it right by now: {stock}\n{stock.said}"
    assert shop.outside.broken() == []
