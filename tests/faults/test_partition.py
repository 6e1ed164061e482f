"""`partition`."""

from __future__ import annotations

import pytest
from tinyshop import TinyShop

from chaos import faults
from chaos.faults.partition import Partition
from chaos.proxy.client import ToxiproxyClient


def test_both_ways_are_cut() -> None:
    """Data is swallowed upstream and downstream, and nothing is closed."""
    toxics = Partition().toxics("web-1 -> db")
    assert {toxic.stream for toxic in toxics} == {"upstream", "downstream"}
    assert {(toxic.type, toxic.attributes["timeout"]) for toxic in toxics} == {("timeout", 0)}


def test_one_way_loses_what_the_first_group_sends() -> None:
    """Requests where it dials; answers where it is dialled, which the place says."""
    one_way = Partition(direction="one-way")
    assert [toxic.stream for toxic in one_way.toxics("web-1 -> db")] == ["upstream"]
    assert [toxic.stream for toxic in one_way.toxics("web-1 -> db (answers)")] == ["downstream"]


@pytest.mark.integration
def test_a_cut_of_the_answers_acts_on_the_same_proxy(shop: TinyShop) -> None:
    """Confirmed by silence, and gone after its revert."""
    fault = Partition(direction="one-way")
    undo = fault.prepare("web -> cache (answers)", shop)
    fault.inject(undo, shop)
    try:
        assert fault.confirm(undo, shop).confirmed
        state = ToxiproxyClient(shop.proxy_api).proxy("web -> cache")
        assert state is not None
        assert [toxic.stream for toxic in state.toxics] == ["downstream"]
    finally:
        faults.revert(undo)
    assert not faults.is_present(undo)
