"""`down`."""

from __future__ import annotations

import pytest
from fakeapi import FakeApi, serving
from tinyshop import TinyShop, listens

from chaos import faults
from chaos.errors import RevertFailed
from chaos.faults.down import Down

pytestmark = pytest.mark.integration


def test_the_port_of_the_link_is_closed_and_opened_again(shop: TinyShop) -> None:
    """At the same address as before."""
    fault = Down()
    port = int(shop.proxy("edge -> web").listen.rpartition(":")[2])
    undo = fault.prepare("edge -> web", shop)
    fault.inject(undo, shop)
    try:
        assert not listens(port)
    finally:
        faults.revert(undo)
    assert listens(port)


def test_a_proxy_that_stays_disabled_is_said_to(shop: TinyShop) -> None:
    """With the command that enables it by hand."""
    with serving(FakeApi("edge -> web", f"127.0.0.1:{shop.ports['web']}", "http")) as fake:
        fault = Down()
        undo = fault.prepare("edge -> web", fake.platform())
        fault.inject(undo, fake.platform())
        fake.mode = "fails"
        with pytest.raises(
            RevertFailed, match=f"curl -X POST .*enabled.*http://{fake.address}/proxies/edge%20-%3E%20web"
        ):
            faults.revert(undo)
