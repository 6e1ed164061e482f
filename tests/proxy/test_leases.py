"""Leases: what is under one goes by itself when nobody renews it. Ours only."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from typing import Any

import pytest

from chaos.model.lease import Lease
from chaos.proxy.errors import LeaseRanOut, ProxyNotFound, ProxyRefused
from chaos.proxy.server.apierror import ApiError
from chaos.proxy.server.collection import Collection
from chaos.proxy.server.decode import read_object
from chaos.proxy.server.leaseholder import LeaseHolder
from chaos.proxy.server.toxic import read_toxic
from chaos.proxy.values import ToxicSpec

SLOW = ToxicSpec(name="slow", type="latency", attributes={"latency": 1, "jitter": 0})
OTHER = ToxicSpec(name="other", type="latency", attributes={"latency": 1, "jitter": 0})


def gone(holds: Callable[[], Any], within_s: float = 15.0) -> float:
    """Seconds until it does not hold any more."""
    began_s = time.monotonic()
    while holds():
        assert time.monotonic() - began_s < within_s, "it is still there"
        time.sleep(0.02)
    return time.monotonic() - began_s


# On a clock that the test moves ----------------------------------------------------------------------------------


class Ground:
    """A collection with one proxy that listens, and a clock."""

    def __init__(self) -> None:
        self.now_s = 1000.0
        self.collection = Collection(seed=1, dial_timeout_s=1.0)
        self.holder = LeaseHolder(self.collection, now_s=lambda: self.now_s)

    async def open(self) -> None:
        body = json.dumps({"name": "db", "listen": "127.0.0.1:0", "upstream": "127.0.0.1:1"}).encode()
        self.proxy = await self.collection.create(read_object(body))

    def toxic(self, name: str, lease: str) -> None:
        body = json.dumps({"name": name, "type": "noop", "lease": lease}).encode()
        self.proxy.add_toxic(read_toxic(read_object(body)))

    def names(self) -> list[str]:
        return [toxic.name for toxic in self.proxy.toxics()]

    async def switch(self, enabled: bool, lease: str | None) -> None:
        await self.proxy.update(listen=self.proxy.listen, upstream=self.proxy.upstream, enabled=enabled, lease=lease)


def on_ground(what: Callable[[Ground], Any]) -> None:
    async def whole() -> None:
        ground = Ground()
        await ground.open()
        try:
            await what(ground)
        finally:
            await ground.collection.stop()

    asyncio.run(whole())


def test_only_what_is_under_the_lease_goes() -> None:
    """Toxics of others, and of other leases, stay."""

    async def what(ground: Ground) -> None:
        ground.holder.renew(Lease(id="mine"))
        ground.holder.renew(Lease(id="yours", ttl_s=60))
        for name, lease in (("a", "mine"), ("b", ""), ("c", "yours"), ("d", "mine")):
            ground.toxic(name, lease)
        ground.now_s += 9.9
        await ground.holder.look()
        assert ground.names() == ["a", "b", "c", "d"]
        ground.now_s += 0.1
        await ground.holder.look()
        assert ground.names() == ["b", "c"]

    on_ground(what)


def test_renewing_keeps_it() -> None:
    """For as long as somebody does."""

    async def what(ground: Ground) -> None:
        ground.holder.renew(Lease(id="mine"))
        ground.toxic("a", "mine")
        for _ in range(10):
            ground.now_s += 9
            assert ground.holder.renew(Lease(id="mine")) == "renewed"
            await ground.holder.look()
        assert ground.names() == ["a"]

    on_ground(what)


def test_nothing_is_put_under_a_lease_that_is_over() -> None:
    """Also between its end and the next look; an unknown one is said."""

    async def what(ground: Ground) -> None:
        with pytest.raises(ApiError, match="lease not found"):
            ground.holder.check("mine")
        ground.holder.renew(Lease(id="mine"))
        ground.holder.check("mine")
        ground.now_s += 10
        with pytest.raises(ApiError, match="lease expired"):
            ground.holder.check("mine")
        assert ground.holder.renew(Lease(id="mine")) == "expired"

    on_ground(what)


def test_a_changed_toxic_stays_under_its_lease() -> None:
    """And one that was removed and made anew by somebody else is theirs."""

    async def what(ground: Ground) -> None:
        ground.holder.renew(Lease(id="mine"))
        ground.toxic("a", "mine")
        ground.toxic("b", "mine")
        before = ground.proxy.toxic("a")
        ground.proxy.change_toxic(before, before.changed(read_object(b'{"toxicity": 0.5}')))
        ground.proxy.remove_toxic(ground.proxy.toxic("b"))
        ground.toxic("b", "")
        ground.now_s += 10
        await ground.holder.look()
        assert ground.names() == ["b"]

    on_ground(what)


def test_a_disabled_proxy_is_enabled_again_unless_somebody_else_disabled_it() -> None:
    """The last word counts, and what was off before stays off."""

    async def what(ground: Ground) -> None:
        for enabled, leases, after in (
            (True, ("mine",), True),
            (True, ("mine", ""), False),
            (False, ("mine",), False),
            (True, ("mine", None), True),
        ):
            await ground.switch(enabled, "")
            ground.holder.renew(Lease(id="mine"))
            for lease in leases:
                await ground.switch(False, lease)
            assert not ground.proxy.enabled
            ground.now_s += 10
            await ground.holder.look()
            assert ground.proxy.enabled is after, (enabled, leases)
            await ground.holder.release("mine")

    on_ground(what)


def test_a_port_that_is_taken_is_tried_again() -> None:
    """The proxy comes back as soon as it can."""

    async def what(ground: Ground) -> None:
        ground.holder.renew(Lease(id="mine"))
        port = int(ground.proxy.listen.rpartition(":")[2])
        await ground.switch(False, "mine")
        squatter = await asyncio.start_server(lambda r, w: None, "127.0.0.1", port)
        ground.now_s += 10
        await ground.holder.look()
        assert not ground.proxy.enabled
        squatter.close()
        await squatter.wait_closed()
        await ground.holder.look()
        assert ground.proxy.enabled

    on_ground(what)


# On a server ------------------------------------------------------------------------------------------------------


@pytest.mark.integration
def test_a_toxic_goes_by_itself(wire: Callable[[Any], Any], ours: Any) -> None:
    """While it is renewed it stays; 1 s after the last renewal it goes; then the lease is over for good."""
    link = wire(ours)
    lease = Lease(id=f"run {link.name}", ttl_s=1.5)
    assert ours.client.renew_lease(lease) == "created"
    ours.client.add_toxic(link.name, SLOW, lease=lease.id)
    ours.client.add_toxic(link.name, OTHER)
    until_s = time.monotonic() + 3
    while time.monotonic() < until_s:
        assert ours.client.renew_lease(lease) == "renewed"
        time.sleep(0.2)
    assert ours.client.toxic(link.name, "slow") is not None
    assert gone(lambda: ours.client.toxic(link.name, "slow")) > 0.5
    assert ours.client.toxic(link.name, "other") is not None
    assert ours.client.renew_lease(lease) == "expired"
    with pytest.raises(LeaseRanOut):
        ours.client.add_toxic(link.name, SLOW, lease=lease.id)
    ours.client.release_lease(lease.id)
    with pytest.raises(ProxyNotFound):
        ours.client.add_toxic(link.name, SLOW, lease=lease.id)
    assert ours.client.toxic(link.name, "slow") is None


@pytest.mark.integration
def test_a_proxy_is_enabled_by_itself(wire: Callable[[Any], Any], ours: Any) -> None:
    """And connections come through again."""
    link = wire(ours)
    lease = Lease(id=f"run {link.name}", ttl_s=1)
    ours.client.renew_lease(lease)
    ours.client.set_enabled(link.name, False, lease=lease.id)
    with pytest.raises(ConnectionRefusedError):
        link.connect()
    gone(lambda: not ours.client.proxy(link.name).enabled)
    link.connect().close()


@pytest.mark.integration
def test_giving_it_back_takes_everything_along(wire: Callable[[Any], Any], ours: Any) -> None:
    """At once; giving back what is not there is fine."""
    link = wire(ours)
    lease = Lease(id=f"run {link.name}", ttl_s=60)
    ours.client.renew_lease(lease)
    ours.client.add_toxic(link.name, SLOW, lease=lease.id)
    ours.client.release_lease(lease.id)
    ours.client.release_lease(lease.id)
    assert ours.client.toxic(link.name, "slow") is None


@pytest.mark.integration
def test_clients_of_toxiproxy_never_see_it(wire: Callable[[Any], Any], ours: Any) -> None:
    """The answers have the keys of Toxiproxy and no other."""
    link = wire(ours)
    ours.client.renew_lease(Lease(id="seen", ttl_s=60))
    body = {"name": "slow", "type": "latency", "attributes": {"latency": 1}, "lease": "seen"}
    for status, _, text in (
        ours.request("POST", f"/proxies/{link.name}/toxics", body),
        ours.request("GET", f"/proxies/{link.name}/toxics/slow"),
    ):
        assert (status, sorted(json.loads(text))) == (200, ["attributes", "name", "stream", "toxicity", "type"])
    _, _, text = ours.request("GET", f"/proxies/{link.name}")
    assert sorted(json.loads(text)) == ["enabled", "listen", "name", "toxics", "upstream"]
    ours.client.release_lease("seen")


@pytest.mark.integration
def test_the_lease_as_the_api_shows_it(wire: Callable[[Any], Any], ours: Any) -> None:
    """Made with 201, renewed with 200, shown with what is under it, 404 when it is not known, 400 for nonsense."""
    link = wire(ours)
    path = "/saleproof/leases/shown"
    assert ours.request("GET", path)[0] == 404
    assert ours.request("DELETE", path)[0] == 404
    assert ours.request("POST", path, {"ttl_s": -1})[0] == 400
    assert ours.request("POST", path, {"ttl_s": "long"})[0] == 400
    assert ours.request("POST", path, {})[0] == 201
    assert ours.request("PATCH", path, {"ttl_s": 60})[0] == 200
    ours.client.add_toxic(link.name, SLOW, lease="shown")
    shown = json.loads(ours.request("GET", path)[2])
    assert 50 < shown.pop("left_s") <= 60
    under = [{"proxy": link.name, "toxic": "slow"}]
    assert shown == {"id": "shown", "expired": False, "toxics": under, "disabled": []}
    assert ours.request("DELETE", path)[0] == 204


@pytest.mark.integration
def test_shopify_is_known_to_keep_none(wire: Callable[[Any], Any], ours: Any, shopify: Any) -> None:
    """The client tells by the version, a renewal is refused, and the word in a body does no harm."""
    assert ours.client.keeps_leases()
    assert not shopify.client.keeps_leases()
    with pytest.raises(ProxyRefused):
        shopify.client.renew_lease(Lease(id="none"))
    link = wire(shopify)
    shopify.client.add_toxic(link.name, SLOW, lease="none")
    shopify.client.set_enabled(link.name, False, lease="none")
    assert shopify.client.toxic(link.name, "slow") is not None
