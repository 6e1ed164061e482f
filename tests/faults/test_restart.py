"""`restart`."""

from __future__ import annotations

import pytest
from tinyshop import TinyShop

from chaos import faults
from chaos.faults.restart import Restart

pytestmark = pytest.mark.integration


def test_another_process_runs_afterwards(shop: TinyShop) -> None:
    """The evidence names both; nothing is left to be reverted."""
    fault = Restart()
    undo = fault.prepare("cache", shop)
    before = shop.instance("cache").pid
    assert not fault.confirm(undo, shop).confirmed
    fault.inject(undo, shop)
    after = shop.instance("cache").pid
    assert fault.confirm(undo, shop).text == f"process {before} ended, {after} runs in its place"
    assert not faults.is_present(undo)


def test_a_restart_that_got_stuck_half_way_is_finished_by_the_revert(shop: TinyShop) -> None:
    """The runner may die between the stop and the start."""
    fault = Restart()
    undo = fault.prepare("cache", shop)
    shop.services.stop("cache")
    assert faults.is_present(undo)
    assert not fault.confirm(undo, shop).confirmed
    faults.revert(undo)
    assert shop.instance("cache").healthy
