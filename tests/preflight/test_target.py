"""A target that is not as it should be, with our own fault proxy answering for real."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from chaos.errors import SaleproofError
from chaos.model.platform import Instance, Inventory, Proxy
from chaos.model.target import Link
from chaos.preflight.finding import Level
from chaos.preflight.target import links, services, settled
from chaos.proxy.client import ToxiproxyClient
from chaos.proxy.values import ToxicSpec


def inventory(*instances: Instance, proxies: tuple[str, ...] = (), api: str = "") -> Inventory:
    link = Link(source="web", dest="db", protocol="tcp")
    made = {
        name: Proxy(name=name, client="web-1", server="db", link=link, listen="", upstream="") for name in proxies
    }  # fmt: skip
    return Inventory(
        platform="test", endpoint="", variant="v", instances={i.name: i for i in instances}, proxies=made,
        proxy_api=api,
    )  # fmt: skip


def instance(state: str, *, healthy: bool = False, name: str = "web-1") -> Instance:
    return Instance(name=name, service="web", state=state, healthy=healthy)


def test_spare_slots_are_no_problem() -> None:
    assert services(inventory(instance("running", healthy=True), instance("spare", name="web-2"))).level is Level.OK


@pytest.mark.parametrize("state", ["paused", "stopped"])
def test_what_was_held_down_is_left_from_before(state: str) -> None:
    """Refused for now: somebody did that and can undo it."""
    finding = services(inventory(instance(state)))
    assert (finding.level, finding.not_now) == (Level.PROBLEM, True)
    assert f"web-1 is {state}" in finding.text


@pytest.mark.parametrize("state", ["running", "starting", "failed"])
def test_what_does_not_answer_is_not_healthy(state: str) -> None:
    """Not available."""
    finding = services(inventory(instance(state)))
    assert (finding.level, finding.not_now) == (Level.PROBLEM, False)
    assert "saleproof logs web-1" in finding.remedy


def test_a_service_that_is_starting_gets_its_time() -> None:
    """A run right after another one is not refused for a restart that is nearly over."""
    states = [instance("starting"), instance("running"), instance("running", healthy=True)]
    assert settled(lambda: inventory(states.pop(0)), within_s=60).level is Level.OK
    assert states == []


def test_a_service_that_stays_ill_is_a_problem_in_the_end() -> None:
    assert settled(lambda: inventory(instance("failed")), within_s=0).level is Level.PROBLEM


def test_a_paused_service_is_not_waited_for() -> None:
    began_s = time.monotonic()
    assert settled(lambda: inventory(instance("paused")), within_s=600).not_now
    assert time.monotonic() - began_s < 60


def test_a_target_without_links_has_none_disturbed() -> None:
    assert links(inventory()).level is Level.OK


def test_a_fault_proxy_that_does_not_answer_is_a_problem() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        finding = links(inventory(proxies=("a",), api=f"127.0.0.1:{free.getsockname()[1]}"))
    assert finding.level is Level.PROBLEM
    assert "does not answer" in finding.text


@pytest.fixture
def api() -> Iterator[ToxiproxyClient]:
    """Our fault proxy with one proxy, `a`."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = subprocess.Popen([sys.executable, "-m", "chaos.proxy.server", "--port", str(port)])
    try:
        client = ToxiproxyClient(f"127.0.0.1:{port}")
        until_s = time.monotonic() + 30
        while True:
            try:
                client.version()
                break
            except SaleproofError:
                assert time.monotonic() < until_s
                time.sleep(0.05)
        client.create("a", "127.0.0.1:0", "127.0.0.1:1")
        yield client
    finally:
        server.terminate()
        server.wait(timeout=30)


@pytest.mark.integration
def test_what_is_left_on_a_link_is_seen(api: ToxiproxyClient) -> None:
    """A toxic, a disabled proxy, a proxy that is gone; and nothing once it is taken back."""
    here = inventory(proxies=("a",), api=api.address)
    assert links(here).level is Level.OK
    api.add_toxic("a", ToxicSpec(name="slow", type="latency", attributes={"latency": 10}))
    left = links(here)
    assert (left.level, left.not_now) == (Level.PROBLEM, True)
    assert "a has latency (slow)" in left.text
    api.remove_toxic("a", "slow")
    api.set_enabled("a", False)
    assert "a is disabled" in links(here).text
    api.set_enabled("a", True)
    assert links(here).level is Level.OK
    api.delete("a")
    assert "no proxy for a" in links(here).text
