"""`kill`."""

from __future__ import annotations

import time

import pytest
from tinyshop import TinyShop

from chaos import faults
from chaos.faults.kill import Kill
from chaos.faults.shared import process

pytestmark = pytest.mark.integration


def test_the_whole_tree_dies_and_the_restart_policy_does_not_act(shop: TinyShop) -> None:
    """It stays down until it is reverted."""
    fault = Kill()
    undo = fault.prepare("web", shop)
    tree = [process.Process(**one) for one in undo.data["tree"]]
    assert len(tree) == 2
    fault.inject(undo, shop)
    try:
        time.sleep(0.5)  # more than the policy's 0.2 s
        assert [process.state(one) for one in tree] == [None, None]
        assert shop.instance("web").state == "stopped"
        assert fault.confirm(undo, shop).confirmed
    finally:
        faults.revert(undo)
    assert shop.instance("web").healthy


def test_a_service_that_was_brought_back_is_not_confirmed(shop: TinyShop) -> None:
    """Somebody else started it: the run must not go on as if it were down."""
    fault = Kill()
    undo = fault.prepare("cache", shop)
    fault.inject(undo, shop)
    shop.services.start("cache")
    evidence = fault.confirm(undo, shop)
    assert not evidence.confirmed
    assert evidence.text.endswith("but cache is running")
    assert not faults.is_present(undo)
