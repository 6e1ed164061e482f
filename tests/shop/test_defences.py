"""The resilient shop with its dependencies really slowed, silenced, stopped and killed."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from typing import Any

import pytest

pytestmark = pytest.mark.integration

Shop = Any  # the class is in conftest.py, which tests cannot import

fresh = count(1000)  # products that no test has looked at yet, so that no cache knows them


@pytest.fixture(scope="module")
def whole(open_shop: Callable[..., Shop]) -> Shop:
    return open_shop(web=2)


@pytest.fixture
def shop(whole: Shop, eventually: Callable[..., None]) -> Iterator[Shop]:
    """A shop in which everything works, before and after."""

    def works() -> bool:
        page = whole.ask(f"/products/{next(fresh)}").status == 200
        return page and all(whole.customer().buy(next(fresh)).status == 200 for _ in range(2))

    eventually(works)
    yield whole
    for relay in whole.relays.values():
        relay.heal()
    for name, process in whole.local.processes.items():
        if process.poll() is None:
            whole.local.signal(name, signal.SIGCONT)
        else:
            whole.local.start(name)
    eventually(works)


def test_a_slow_primary_slows_checkouts_only(shop: Shop) -> None:
    """300 ms on web -> db: pages are as quick as ever, a checkout stays below 3 s."""
    shop.relays["db"].delay_s = 0.3
    for _ in range(5):
        page = shop.ask(f"/products/{next(fresh)}")
        assert page.status == 200
        assert page.seconds < 1
    answer = shop.customer().buy(next(fresh))
    assert answer.json["status"] == "paid"
    assert 0.5 < answer.seconds < 3


@pytest.mark.parametrize("how", ["silent", "stopped", "killed"])
def test_without_the_primary_pages_go_on_and_checkouts_fail_soon(shop: Shop, how: str) -> None:
    """Pages from the replica, carts and checkouts 503 with Retry-After in well under the customer's patience."""
    buyers = [shop.customer() for _ in range(4)]
    for buyer in buyers:
        buyer.put(next(fresh))
    order = shop.customer().buy(next(fresh)).json["order_id"]
    if how == "silent":
        shop.relays["db"].silent = True
    elif how == "stopped":
        shop.local.signal("db", signal.SIGSTOP)
    else:
        shop.local.kill("db")
    refusals = [buyer.checkout() for buyer in buyers]
    assert [refusal.status for refusal in refusals] == [503] * 4
    assert all(refusal.headers["retry-after"] == "1" for refusal in refusals)
    assert max(refusal.seconds for refusal in refusals) < 4
    for _ in range(5):
        page = shop.ask(f"/products/{next(fresh)}")
        assert page.status == 200
        assert page.seconds < 2
    assert shop.ask(f"/orders/{order}").status == 200
    assert shop.ask("/readyz").status == 200


@pytest.mark.parametrize("how", ["silent", "stopped", "killed"])
def test_without_the_replica_the_primary_serves_the_pages(shop: Shop, how: str) -> None:
    """Every page, in less than 2 s, and the breaker makes all but the first few quick."""
    if how == "silent":
        shop.relays["replica"].silent = True
    elif how == "stopped":
        shop.local.signal("replica", signal.SIGSTOP)
    else:
        shop.local.kill("replica")
    with ThreadPoolExecutor(12) as crowd:
        first = list(crowd.map(lambda _: shop.ask(f"/products/{next(fresh)}"), range(12)))
    pages = [shop.ask(f"/products/{next(fresh)}") for _ in range(20)]
    assert {page.status for page in first + pages} == {200}
    assert max(page.seconds for page in first + pages) < 2
    assert sorted(page.seconds for page in pages)[10] < 0.5
    assert shop.customer().buy(next(fresh)).status == 200


def test_without_any_database_known_pages_are_served_stale(shop: Shop) -> None:
    """Once the home page is too old it is served nevertheless; a page that nobody knows is 503, soon."""
    assert shop.ask("/", at="web-1").status == 200
    known = f"/products/{next(fresh)}"
    assert shop.ask(known, at="web-1").status == 200
    for name in ("db", "replica"):
        shop.relays[name].silent = True
    stale = 'shop_cache_requests_total{result="stale"}'
    before, answers = shop.metric(stale), []
    while shop.metric(stale) == before:
        answers.append(shop.ask("/", at="web-1"))
        assert len(answers) < 2000
        time.sleep(0.02)  # the machine is shared
    assert {answer.status for answer in answers} == {200}
    assert max(answer.seconds for answer in answers) < 2
    assert shop.ask(known, at="web-1").status == 200
    unknown = shop.ask(f"/products/{next(fresh)}", at="web-1")
    assert unknown.status == 503
    assert unknown.seconds < 2
    assert shop.ask("/readyz", at="web-1").status == 200


@pytest.mark.parametrize("how", ["silent", "stopped", "killed"])
def test_without_the_cache_pages_come_from_the_database(shop: Shop, how: str) -> None:
    """No errors; the breaker spares all but the first few the wait."""
    if how == "silent":
        shop.relays["cache"].silent = True
    elif how == "stopped":
        shop.local.signal("cache", signal.SIGSTOP)
    else:
        shop.local.kill("cache")
    pages = [shop.ask(path) for path in ["/", "/products", *(f"/products/{next(fresh)}" for _ in range(30))]]
    assert {page.status for page in pages} == {200}
    assert sorted(page.seconds for page in pages)[20] < 0.1
    assert shop.customer().buy(next(fresh)).status == 200


def test_a_crowd_on_one_page_makes_one_query(shop: Shop) -> None:
    """Single-flight, also when the shared cache is gone."""
    shop.local.kill("cache")
    product = next(fresh)
    queries = 'shop_db_query_seconds_count{node="replica",query="product"}'
    shop.relays["replica"].delay_s = 0.2
    before = shop.metric(queries)
    with ThreadPoolExecutor(20) as crowd:
        statuses = set(crowd.map(lambda _: shop.ask(f"/products/{product}", at="web-1").status, range(20)))
    assert statuses == {200}
    assert shop.metric(queries) - before <= 2


@pytest.mark.parametrize("how", ["slow", "silent", "killed"])
def test_without_the_provider_orders_are_accepted_and_paid_later(
    shop: Shop, how: str, eventually: Callable[..., None]
) -> None:
    """202 and a number within 3 s; later the order is paid, and the provider charged once."""
    if how == "slow":
        shop.relays["payments"].delay_s = 5.0
    elif how == "silent":
        shop.relays["payments"].silent = True
    else:
        shop.local.kill("payments")
    answers = [shop.customer().buy(next(fresh)) for _ in range(8)]
    assert [(answer.status, answer.json["status"]) for answer in answers] == [(202, "pending")] * 8
    assert max(answer.seconds for answer in answers) < 3
    assert shop.ask(f"/products/{next(fresh)}").json["id"]
    shop.relays["payments"].heal()
    if how == "killed":
        shop.local.start("payments")
    orders = [answer.json["order_id"] for answer in answers]
    eventually(lambda: {shop.ask(f"/orders/{order}").json["status"] for order in orders} == {"paid"}, 40)
    records = shop.ask("/payments?limit=10000", at="payments").json["payments"]
    assert sorted(record["order_id"] for record in records if record["order_id"] in orders) == sorted(orders)


def test_a_restarted_database_is_not_felt(shop: Shop) -> None:
    """kill -9 and start again: idle connections are dead, and nobody gets one of them."""
    for name in ("db", "replica"):
        shop.local.kill(name)
        shop.local.start(name)
    shop.local.wait("db")
    statuses = [shop.ask(f"/products/{next(fresh)}").status for _ in range(30)]
    assert statuses == [200] * 30


def test_too_many_at_once_are_refused_and_not_queued(shop: Shop) -> None:
    """Past the bound an instance answers 503 with Retry-After at once; those inside are served."""
    shop.relays["db"].delay_s = 1.0
    with ThreadPoolExecutor(120) as crowd:
        ask = lambda _: shop.ask("/cart", method="POST", body={"product_id": 1}, at="web-1")  # noqa: E731
        answers = list(crowd.map(ask, range(120)))
    shed = [answer for answer in answers if b"too many" in answer.body]
    assert len(shed) >= 20
    assert all(answer.status == 503 and answer.headers["retry-after"] == "1" for answer in shed)
    assert shop.metric("shop_http_shed_total") >= len(shed)


@pytest.mark.parametrize("how", ["killed", "stopped"])
def test_a_lost_web_instance_is_not_felt(shop: Shop, how: str) -> None:
    """Requests that meet the dead instance are tried again on the other one, orders included."""
    if how == "killed":
        shop.local.kill("web-1")
    else:
        shop.local.signal("web-1", signal.SIGSTOP)
    answers = [shop.ask(f"/products/{next(fresh)}") for _ in range(40)]
    answers += [shop.customer().buy(next(fresh)) for _ in range(3)]
    assert {answer.status for answer in answers} == {200}
    assert {answer.headers["x-instance"] for answer in answers} == {"web-2"}
    assert max(answer.seconds for answer in answers) < 4
