"""What customers do, on a healthy shop."""

from __future__ import annotations

import subprocess
import urllib.request
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

pytestmark = pytest.mark.integration

Shop = Any  # the class is in conftest.py, which tests cannot import


@pytest.fixture(scope="module")
def shop(open_shop: Callable[..., Shop]) -> Shop:
    return open_shop(web=2)


def test_the_home_page_is_a_page_for_people(shop: Shop) -> None:
    """A browser gets HTML with products, prices and links."""
    with urllib.request.urlopen(shop.local.url("edge", "/"), timeout=10) as answer:
        page = answer.read().decode()
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert page.startswith("<!doctype html>")
    assert page.count('class="card"') == 12
    assert "&euro;" in page
    assert 'href="/products/' in page
    for path, kind in (("/style.css", "text/css"), ("/shapes.svg", "image/svg+xml")):
        with urllib.request.urlopen(shop.local.url("edge", path), timeout=10) as answer:
            assert answer.headers["Content-Type"].startswith(kind)


def test_every_answer_says_which_instance_gave_it(shop: Shop, eventually: Callable[..., None]) -> None:
    """Good and bad answers carry X-Instance, and the edge uses every instance once it has checked them."""
    paths = ("/", "/nowhere", "/products/0", "/cart", "/", "/")
    eventually(lambda: {shop.ask(path).headers["x-instance"] for path in paths} == {"web-1", "web-2"})


def test_clients_get_the_home_page_as_json(shop: Shop) -> None:
    """Accept: application/json gives values, not markup."""
    home = shop.ask("/").json
    assert len(home["popular"]) == 12
    assert set(home["popular"][0]) == {"id", "name", "price_cents", "stock", "category"}


def test_the_list_has_pages(shop: Shop) -> None:
    """Pages follow each other without gaps, up to an empty one."""
    first, second = shop.ask("/products").json, shop.ask("/products?page=2").json
    assert [card["id"] for card in first["products"] + second["products"]] == list(range(1, 41))
    assert first["more"]
    beyond = shop.ask("/products?page=900").json
    assert beyond["products"] == []
    assert not beyond["more"]


def test_the_search_finds_words(shop: Shop) -> None:
    """All words must be in the name; nothing found is an empty list."""
    found = shop.ask("/products?q=Red%20shirt").json["products"]
    assert len(found) == 20
    assert all("red shirt" in card["name"] for card in found)
    assert shop.ask("/products?q=spaceship").json["products"] == []


def test_a_product_has_its_own_page(shop: Shop) -> None:
    """Name, price, stock, what goes with it, and in how many parts it may be paid."""
    product = shop.ask("/products/7").json
    assert product["id"] == 7
    assert product["price_cents"] > 0
    assert len(product["related"]) == 4


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/products/0", 404),
        ("/products/6000", 404),
        ("/products/abc", 404),
        ("/products/%C2%B2", 404),
        ("/products?page=0", 400),
        ("/products?page=x", 400),
        ("/orders/none", 404),
        ("/nowhere", 404),
    ],
)
def test_a_bad_address_is_told_so(shop: Shop, path: str, status: int) -> None:
    """4xx with one sentence, never 500."""
    answer = shop.ask(path)
    assert answer.status == status
    assert answer.json["error"]


def test_a_cart_line_is_set_and_not_added(shop: Shop) -> None:
    """Putting a product twice is the same as once, so that the edge may try again; 0 takes it out."""
    customer = shop.customer()
    for quantity in (1, 3, 3):
        assert customer.put(7, quantity).status == 200
    customer.put(9)
    cart = shop.ask("/cart", headers={"Cookie": customer.cookie}).json
    assert [(line["product_id"], line["quantity"]) for line in cart["lines"]] == [(7, 3), (9, 1)]
    assert cart["total_cents"] == sum(line["quantity"] * line["price_cents"] for line in cart["lines"])
    customer.put(9, 0)
    assert len(shop.ask("/cart", headers={"Cookie": customer.cookie}).json["lines"]) == 1


@pytest.mark.parametrize(
    ("line", "status"),
    [({"product_id": 9999}, 404), ({"product_id": 1, "quantity": 99}, 400), ({"product": 1}, 400), ([], 400)],
)
def test_a_bad_cart_line_is_refused(shop: Shop, line: object, status: int) -> None:
    """An unknown product is 404, nonsense is 400."""
    assert shop.ask("/cart", method="POST", body=line).status == status


def test_a_checkout_is_paid_and_can_be_looked_at(shop: Shop) -> None:
    """The order exists with its lines, the stock is less by them, the cart is empty, the provider was paid."""
    customer = shop.customer()
    customer.put(11, 2)
    ((before,),) = shop.sql("SELECT stock FROM products WHERE id = 11")
    answer = customer.checkout()
    assert (answer.status, answer.json["status"]) == (200, "paid")
    order = shop.ask(f"/orders/{answer.json['order_id']}").json
    assert order["status"] == "paid"
    assert [(line["product_id"], line["quantity"]) for line in order["lines"]] == [(11, 2)]
    assert shop.sql("SELECT stock FROM products WHERE id = 11") == [(before - 2,)]
    assert shop.ask("/cart", headers={"Cookie": customer.cookie}).json["lines"] == []
    records = shop.ask("/payments", at="payments").json["payments"]
    charged = [record["amount_cents"] for record in records if record["order_id"] == order["order_id"]]
    assert charged == [order["total_cents"]]


def test_a_checkout_takes_at_most_three_round_trips(shop: Shop) -> None:
    """Counted by the database driver's own metric: queries during one checkout on one instance."""

    def trips() -> float:
        names = ("place_order", "settle_order", "order", "cart", "begin", "commit")
        return sum(shop.metric(f'shop_db_query_seconds_count{{node="primary",query="{n}"}}', at="web-1") for n in names)

    customer = shop.customer()
    customer.put(12)
    before = trips()
    headers = {"Cookie": customer.cookie, "Idempotency-Key": uuid.uuid4().hex}
    assert shop.ask("/checkout", method="POST", headers=headers, at="web-1").status == 200
    assert 1 <= trips() - before <= 3


def test_the_same_key_gives_the_same_order(shop: Shop) -> None:
    """A checkout that is sent again, also at the same moment, orders once and charges once."""
    customer = shop.customer()
    customer.put(13)
    key = uuid.uuid4().hex
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: customer.checkout(key), range(8)))
    answers.append(customer.checkout(key))
    orders = {answer.json["order_id"] for answer in answers}
    assert len(orders) == 1, [answer.body for answer in answers]
    records = shop.ask("/payments?limit=10000", at="payments").json["payments"]
    assert sum(record["order_id"] in orders for record in records) == 1
    assert answers[-1].json["status"] == "paid"


def test_a_checkout_needs_a_key_and_a_cart(shop: Shop) -> None:
    """400 with the reason."""
    customer = shop.customer()
    customer.put(13)
    missing = shop.ask("/checkout", method="POST", headers={"Cookie": customer.cookie})
    assert missing.status == 400
    assert "Idempotency-Key" in missing.json["error"]
    assert shop.customer().checkout().json["error"] == "the cart is empty"


def test_nobody_gets_what_is_sold_out(shop: Shop) -> None:
    """Three pieces and ten customers at once: three orders, seven refusals, no stock below zero."""
    customers = [shop.customer() for _ in range(10)]
    for customer in customers:
        customer.put(5001)
    with ThreadPoolExecutor(10) as pool:
        statuses = sorted(pool.map(lambda customer: customer.checkout().status, customers))
    assert statuses == [200] * 3 + [409] * 7
    assert shop.sql("SELECT stock FROM products WHERE id = 5001") == [(0,)]


def test_a_declined_payment_gives_the_stock_back(shop: Shop) -> None:
    """The provider declines above 10,000.00: the customer is told so, and somebody else can buy."""
    customer = shop.customer()
    for product in range(5002, 5011):
        customer.put(product, 3)
    shop.sql("UPDATE products SET price_cents = 40000 WHERE id BETWEEN 5002 AND 5010")
    answer = customer.checkout()
    assert answer.status == 402
    assert shop.sql("SELECT DISTINCT stock FROM products WHERE id BETWEEN 5002 AND 5010") == [(3,)]


def test_people_can_buy_with_forms(shop: Shop) -> None:
    """The same without JSON: form, cart page, checkout, order page."""
    jar = urllib.request.HTTPCookieProcessor()
    browser = urllib.request.build_opener(jar)
    url = shop.local.url
    cart = browser.open(url("edge", "/cart"), data=b"product_id=21&quantity=2", timeout=10).read().decode()
    assert "Your cart" in cart
    key = cart.split('name="idempotency_key" value="')[1].split('"')[0]
    thanks = browser.open(url("edge", "/checkout"), data=f"idempotency_key={key}".encode(), timeout=10)
    assert "/orders/" in thanks.url
    assert "Paid" in thanks.read().decode()


def test_the_metrics_are_those_that_were_promised(shop: Shop) -> None:
    """Requests and latencies by route and status, queries by name and node, cache, pools, breakers."""
    for path in ("/", "/", "/products/1", "/nowhere"):
        shop.ask(path, at="web-1")
    text = shop.ask("/metrics", at="web-1").body.decode()
    for sample in (
        'shop_http_requests_total{method="GET",route="home",status="200"}',
        'shop_http_request_seconds_bucket{le="2.0",route="product",status="200"}',
        'shop_db_query_seconds_count{node="replica",query="product"}',
        'shop_cache_requests_total{result="hit"}',
        'shop_db_pool_connections{node="primary",state="idle"}',
        'shop_breaker_state{dependency="payments"} 0.0',
    ):
        assert f"\n{sample}" in text
    assert shop.metric('shop_http_requests_total{method="GET",route="none",status="404"}') >= 1


def test_reads_come_from_the_replica_and_writes_go_to_the_primary(shop: Shop) -> None:
    """The primary sees no page query, the replica no write."""
    for number in range(100, 110):
        shop.ask(f"/products/{number}", at="web-1")
    assert shop.metric('shop_db_query_seconds_count{node="replica",query="product"}') >= 10
    assert shop.metric('shop_db_query_seconds_count{node="primary",query="product"}') == 0


def test_no_part_of_a_stopped_shop_stays_behind(open_shop: Callable[..., Shop]) -> None:
    """Each part ends with its children; PostgreSQL's are in sessions of their own."""
    other = open_shop(parts=("db", "cache", "payments", "web-1"))
    for name in ("web-1", "payments", "cache", "db"):
        other.local.stop(name)
    processes = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    assert str(other.local.state) not in processes
