"""The shop of the outage reports: works on a quiet day, and breaks for the reason that each experiment names."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from typing import Any

import pytest

pytestmark = pytest.mark.integration

Shop = Any  # the class is in conftest.py, which tests cannot import

fresh = count(1000)


@pytest.fixture(scope="module")
def whole(open_shop: Callable[..., Shop]) -> Shop:
    return open_shop(web=2, SHOP_VARIANT="fragile")


@pytest.fixture
def shop(whole: Shop, eventually: Callable[..., None]) -> Iterator[Shop]:
    """A shop in which everything works, before and after."""

    def works() -> bool:
        return bool(whole.ask("/").status == 200 and whole.customer().buy(next(fresh)).status == 200)

    eventually(works)
    yield whole
    for relay in whole.relays.values():
        relay.heal()
    for name, process in whole.local.processes.items():
        if process.poll() is not None:
            whole.local.start(name)
    eventually(works, 60)


def test_all_pages_work_on_a_quiet_day(shop: Shop) -> None:
    """The same pages as the other variant."""
    for path in ("/", "/products?page=3", "/products?q=red", "/products/7"):
        answer = shop.ask(path)
        assert answer.status == 200
        assert answer.seconds < 1
    assert shop.ask("/products/7").json["instalments"] == 3
    assert len(shop.ask("/products?q=red").json["products"]) == 20


def test_a_slow_database_takes_the_pages_down(shop: Shop) -> None:
    """A page asks ten times, 300 ms each, with one of two connections in hand; the others wait for it."""
    shop.relays["db"].delay_s = 0.3
    with ThreadPoolExecutor(12) as crowd:
        answers = list(crowd.map(lambda _: shop.ask(f"/products/{next(fresh)}"), range(12)))
    assert sorted(answer.seconds for answer in answers)[-1] > 4


def test_without_the_cache_there_are_error_pages(shop: Shop) -> None:
    """Nothing steps in for the cache."""
    shop.local.kill("cache")
    assert shop.ask("/").status == 503
    assert shop.ask("/products?page=3").status == 503


def test_a_silent_provider_takes_the_pages_down(shop: Shop) -> None:
    """Product pages wait for its terms, holding connections; soon nothing is served at all."""
    shop.relays["payments"].silent = True
    with ThreadPoolExecutor(30) as crowd:
        stuck = list(crowd.map(lambda _: shop.ask(f"/products/{next(fresh)}", timeout=3), range(30)))
        assert {answer.status for answer in stuck} == {0}
        assert shop.ask("/products?page=9", timeout=3).status == 0


def test_a_lost_web_instance_is_half_of_the_errors(shop: Shop) -> None:
    """Round robin goes on sending customers to the dead instance."""
    shop.local.kill("web-1")
    statuses = [shop.ask("/").status for _ in range(20)]
    assert statuses.count(503) >= 8


def test_the_key_of_a_checkout_is_ignored(shop: Shop) -> None:
    """The same key twice is not the same order."""
    customer = shop.customer()
    keys = set()
    for _ in range(2):
        customer.put(next(fresh))
        keys.add(customer.checkout("my-key").json["order_id"])
    assert len(keys) == 2


def test_a_failed_payment_leaves_no_order(shop: Shop) -> None:
    """The transaction around the payment is rolled back: the stock is untouched, the cart still there."""
    customer, product = shop.customer(), next(fresh)
    customer.put(product)
    shop.local.kill("payments")
    assert customer.checkout().status == 503
    assert shop.sql("SELECT stock = initial_stock FROM products WHERE id = %s", product) == [(True,)]
    assert len(shop.ask("/cart", headers={"Cookie": customer.cookie}).json["lines"]) == 1
