"""What all faults on links keep when the proxy lies, fails, hangs, is gone, or was started anew."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fakeapi import FakeApi, serving
from tinyshop import TinyShop

from chaos import faults
from chaos.errors import RevertFailed, Unavailable
from chaos.faults import FAULTS
from chaos.model.fault import Undo
from chaos.proxy.client import ToxiproxyClient
from chaos.proxy.values import ToxicSpec
from chaos.units import Bytes, Duration

pytestmark = pytest.mark.integration

WHERE = "edge -> web"
ON_LINKS: dict[str, dict[str, Any]] = {
    "latency": {"delay": Duration(0.2)},
    "bandwidth": {"per_second": Bytes(20_000)},
    "timeout": {},
    "down": {},
    "reset": {},
    "slow-close": {"delay": Duration(0.2)},
    "slicer": {"size": Bytes(64), "delay": Duration(0.01)},
    "limit-data": {"bytes": Bytes(1000)},
    "partition": {},
}


@pytest.fixture
def fake(shop: TinyShop) -> Iterator[FakeApi]:
    with serving(FakeApi(WHERE, f"127.0.0.1:{shop.ports['web']}", "http")) as api:
        yield api


@pytest.fixture
def own(tmp_path: Path) -> Iterator[TinyShop]:
    """A shop whose proxy server may be killed."""
    running = TinyShop(tmp_path / "shop")
    try:
        running.up()
        yield running
    finally:
        running.down()


def latency(fake: FakeApi) -> Undo:
    undo = FAULTS["latency"](delay=Duration(0.1)).prepare(WHERE, fake.platform())
    FAULTS["latency"](delay=Duration(0.1)).inject(undo, fake.platform())
    return undo


@pytest.mark.parametrize("kind", ON_LINKS)
def test_a_proxy_that_lists_a_fault_and_does_nothing_is_caught(fake: FakeApi, kind: str) -> None:
    """Having sent the command, and seeing it listed, confirms nothing."""
    fault = FAULTS[kind](**ON_LINKS[kind])
    undo = fault.prepare(WHERE, fake.platform())
    fault.inject(undo, fake.platform())
    assert faults.is_present(undo)
    evidence = fault.confirm(undo, fake.platform())
    assert not evidence.confirmed
    assert evidence.text.startswith("did not bite")
    faults.revert(undo)
    assert not faults.is_present(undo)


def test_a_toxic_that_stays_after_its_deletion_is_said_to_stay(fake: FakeApi) -> None:
    """204 is not proof. The message has the command that removes it by hand."""
    undo = latency(fake)
    fake.mode = "keeps"
    with pytest.raises(RevertFailed) as caught:
        faults.revert(undo)
    toxic = undo.data["toxics"][0]["name"]
    url = f"http://{fake.address}/proxies/edge%20-%3E%20web/toxics/{toxic}"
    assert f"curl -X DELETE {url}" in str(caught.value)
    assert faults.is_present(undo)


def test_an_api_that_fails_is_never_taken_for_reverted(fake: FakeApi) -> None:
    """A 503 may mean anything."""
    undo = latency(fake)
    fake.mode = "fails"
    with pytest.raises(RevertFailed, match="may still be in place"):
        faults.revert(undo)
    with pytest.raises(Unavailable):
        faults.is_present(undo)


def test_an_api_that_hangs_is_never_taken_for_gone(fake: FakeApi) -> None:
    """And nobody waits for it for ever."""
    undo = latency(fake)
    fake.mode = "hangs"
    began_s = time.monotonic()
    with pytest.raises(Unavailable):
        faults.is_present(undo)
    assert time.monotonic() - began_s < 10


def test_a_proxy_server_that_is_gone_has_no_fault(own: TinyShop) -> None:
    """Toxics live in its memory alone."""
    fault = FAULTS["latency"](delay=Duration(0.1))
    undo = fault.prepare(WHERE, own)
    fault.inject(undo, own)
    down = FAULTS["down"]()
    off = down.prepare("web -> cache", own)
    down.inject(off, own)
    own.end_proxy()
    for one in (undo, off):
        assert not faults.is_present(one)
        faults.revert(one)
    own.start_proxy()
    for one in (undo, off):
        assert not faults.is_present(one)
        faults.revert(one)


def test_only_our_own_toxic_is_removed(shop: TinyShop) -> None:
    """Somebody else's on the same proxy stays, whatever it is called."""
    proxies = ToxiproxyClient(shop.proxy_api)
    proxies.add_toxic(WHERE, ToxicSpec(name="theirs", type="latency", attributes={"latency": 1, "jitter": 0}))
    try:
        fault = FAULTS["latency"](delay=Duration(0.1))
        undo = fault.prepare(WHERE, shop)
        fault.inject(undo, shop)
        faults.revert(undo)
        assert proxies.toxic(WHERE, "theirs") is not None
    finally:
        proxies.remove_toxic(WHERE, "theirs")


def test_a_link_that_is_already_cut_is_refused(shop: TinyShop) -> None:
    """A fault on it could not be told from what is there."""
    down = FAULTS["down"]()
    undo = down.prepare(WHERE, shop)
    down.inject(undo, shop)
    try:
        with pytest.raises(Unavailable, match="disabled already"):
            FAULTS["latency"](delay=Duration(0.1)).prepare(WHERE, shop)
    finally:
        faults.revert(undo)


def test_a_record_of_before_a_reboot_has_no_fault(shop: TinyShop) -> None:
    """No process of that time exists, whoever listens at its addresses today."""
    fault = FAULTS["latency"](delay=Duration(0.1))
    undo = fault.prepare(WHERE, shop)
    old = Undo(kind=undo.kind, where=undo.where, data=undo.data | {"api": "127.0.0.1:9", "boot": "another"})
    assert not faults.is_present(old)
    faults.revert(old)
