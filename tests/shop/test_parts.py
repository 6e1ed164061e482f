"""The shop's parts alone: breaker, retry budget, switches, edge configuration, the provider's ledger."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from targets.shop.breaker import CLOSED, FAILURES_TO_OPEN, HALF_OPEN, OPEN, Breaker
from targets.shop.envoy import config
from targets.shop.payments import Charge, Ledger
from targets.shop.retry import TOKENS_MAX, RetryBudget
from targets.shop.settings import Defences, load, load_defences
from targets.shop.views import colour, money


def test_a_breaker_opens_tries_once_and_closes() -> None:
    """Five failures open it; after its pause one call may pass; that one's success closes it."""
    now = [0.0]
    breaker = Breaker("test", enabled=True, now=lambda: now[0])
    for _ in range(FAILURES_TO_OPEN):
        assert breaker.allows()
        breaker.failed()
    assert breaker.state == OPEN
    assert not breaker.allows()
    now[0] = 1.3
    assert breaker.allows()
    assert breaker.state == HALF_OPEN
    assert not breaker.allows()
    breaker.failed()
    assert breaker.state == OPEN
    now[0] = 2.6
    assert breaker.allows()
    breaker.succeeded()
    assert breaker.state == CLOSED
    assert breaker.allows()


def test_a_trial_that_never_reports_does_not_keep_it_open() -> None:
    """Another one may follow after the same pause."""
    now = [0.0]
    breaker = Breaker("test", enabled=True, now=lambda: now[0])
    for _ in range(FAILURES_TO_OPEN):
        breaker.failed()
    now[0] = 2.0
    assert breaker.allows()
    now[0] = 4.0
    assert breaker.allows()


def test_a_success_forgets_the_failures_before_it() -> None:
    """Only failures in a row count."""
    breaker = Breaker("test", enabled=True)
    for _ in range(FAILURES_TO_OPEN * 3):
        breaker.failed()
        breaker.succeeded()
    assert breaker.state == CLOSED


def test_a_breaker_that_is_off_stays_closed() -> None:
    """The switch."""
    breaker = Breaker("test", enabled=False)
    for _ in range(FAILURES_TO_OPEN * 2):
        breaker.failed()
    assert breaker.allows()
    assert breaker.state == CLOSED


def test_retries_have_a_budget() -> None:
    """Ten to spare, and then one for every ten requests."""

    async def spend() -> tuple[int, int]:
        budget = RetryBudget(enabled=True)
        first = sum([await budget.again("test") for _ in range(30)])
        for _ in range(21):
            budget.earn()
        return first, sum([await budget.again("test") for _ in range(30)])

    assert asyncio.run(spend()) == (TOKENS_MAX, 2)
    assert asyncio.run(RetryBudget(enabled=False).again("test")) is False


def test_the_variant_sets_all_switches_and_each_can_be_set_alone() -> None:
    """`SHOP_<NAME>` overrides `SHOP_VARIANT`, in both directions."""
    names = Defences.__struct_fields__
    assert all(getattr(load_defences({}), name) for name in names)
    assert not any(getattr(load_defences({"SHOP_VARIANT": "fragile"}), name) for name in names)
    for name in names:
        only = load_defences({"SHOP_VARIANT": "fragile", f"SHOP_{name.upper()}": "on"})
        assert [field for field in names if getattr(only, field)] == [name]
        without = load_defences({f"SHOP_{name.upper()}": "off"})
        assert [field for field in names if not getattr(without, field)] == [name]


@pytest.mark.parametrize(
    ("env", "said"),
    [({"SHOP_VARIANT": "robust"}, "robust"), ({"SHOP_CACHE": "yes"}, "SHOP_CACHE=yes"), ({}, "INSTANCE")],
)
def test_wrong_settings_are_refused(env: dict[str, str], said: str) -> None:
    """With the name of what is wrong."""
    with pytest.raises(SystemExit, match=said):
        load(env)


def edge(*, health: bool) -> dict[str, Any]:
    backends = [f"127.0.0.1:{port}" for port in range(1, 7)]
    return config(port=80, admin_port=81, backends=backends, expected=3, health=health)


def test_the_edge_knows_every_slot_or_only_the_expected_ones() -> None:
    """Health checks make spare slots harmless; without them they would be half of the errors."""
    for health, count in ((True, 6), (False, 3)):
        (web,) = edge(health=health)["static_resources"]["clusters"]
        assert len(web["load_assignment"]["endpoints"][0]["lb_endpoints"]) == count
        assert ("health_checks" in web) == health
        assert ("outlier_detection" in web) == health


def test_the_edge_retries_a_checkout_only_with_a_key() -> None:
    """A POST that is no cart line and has no key goes out once."""
    manager = edge(health=True)["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"]
    routes = manager["route_config"]["virtual_hosts"][0]["routes"]
    posts = [route for route in routes if "headers" in route["match"]]
    retried = {
        (route["match"].get("path", "/"), len(route["match"]["headers"])): "retry_policy" in route["route"]
        for route in posts
    }
    assert retried == {("/", 2): True, ("/cart", 1): True, ("/", 1): False}


def test_the_providers_ledger_survives_its_process(tmp_path: Path) -> None:
    """What was decided for a key is found again by another one."""
    first = Ledger(tmp_path)
    decided = first.write("key", Charge("order", 100), "paid")
    second = Ledger(tmp_path)  # the first was not closed: its process was killed
    assert second.find("key") == decided
    assert second.find("other") is None
    assert [record["order_id"] for record in second.page(0, 10)] == ["order"]
    assert second.page(1, 10) == []
    first.close()
    second.close()


def test_money_and_colours() -> None:
    """1990 cents are 19.90; a product has the colour that its name says."""
    assert (money(1990), money(5), money(100)) == ("19.90", "0.05", "1.00")
    assert colour("Cotton red shirt") != colour("Cotton blue shirt")
    assert colour("Mystery box")
