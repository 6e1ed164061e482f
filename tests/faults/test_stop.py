"""`stop`."""

from __future__ import annotations

import pytest
from tinyshop import TinyShop, listens

from chaos import faults
from chaos.faults.stop import Stop

pytestmark = pytest.mark.integration


def test_a_stopped_service_stays_down_until_it_is_reverted(shop: TinyShop) -> None:
    """And then has another process."""
    fault = Stop()
    undo = fault.prepare("web", shop)
    before = shop.instance("web")
    fault.inject(undo, shop)
    assert not listens(shop.ports["web"])
    assert faults.is_present(undo)
    faults.revert(undo)
    after = shop.instance("web")
    assert after.healthy
    assert after.pid != before.pid


def test_a_service_that_goes_on_is_not_confirmed(shop: TinyShop) -> None:
    """Stopping that did not stop anything says which process runs."""
    fault = Stop()
    undo = fault.prepare("web", shop)
    evidence = fault.confirm(undo, shop)
    assert not evidence.confirmed
    assert "still run" in evidence.text
