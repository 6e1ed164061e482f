"""Target files."""

# ruff: noqa: E501 (a row of a table is one line)
from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from chaos.errors import SpecError, SpecErrors
from chaos.model.sli import Shape, Source
from chaos.model.target import Ready
from chaos.spec import kind, load_target
from chaos.units import Duration

Write = Callable[..., Path]
ROOT = Path(__file__).parents[2]
SHIPPED = sorted((ROOT / "targets").glob("*.yaml"))


def test_there_are_shipped_targets() -> None:
    """So that the tests below test something."""
    assert SHIPPED


@pytest.mark.parametrize("path", SHIPPED, ids=lambda p: p.name)
def test_every_shipped_target_is_right(path: Path) -> None:
    """What we ship loads, and is taken for what it is."""
    assert kind(path) == "target"
    assert load_target(path).services


def test_a_target_is_read_whole(target: Write) -> None:
    """Everything that the file says is in the noun."""
    shop = load_target(target())
    assert shop.name == "shop"
    assert shop.variants == ("resilient", "fragile")
    assert shop.services["web"].instances() == tuple(f"web-{n}" for n in range(1, 7))
    assert shop.running("web") == ("web-1", "web-2", "web-3")
    assert shop.services["db"].instances() == ("db",)
    assert shop.links["web -> db"].protocol == "postgres"
    assert shop.traffic is not None
    checkout = shop.traffic.steps["checkout"]
    assert (checkout.method, checkout.path, checkout.expect) == ("POST", "/checkout", (200, 299))
    assert checkout.acknowledges == "order"
    assert shop.traffic.steps["home"].expect == (200, 399)
    assert shop.traffic.steps["cart"].body == {"product_id": "{product}", "quantity": 1}
    assert shop.traffic.profiles == {"normal": 1.0, "flash-sale": 4.0}
    assert [j.name for j in shop.traffic.journeys if j.transaction] == ["buy"]
    assert (shop.slis["db-query"].source, shop.slis["db-query"].shape) == (Source.PROMETHEUS, Shape.HISTOGRAM)
    assert shop.slis["edge-ready"].path == "/readyz"
    assert shop.slos[0].condition == "availability >= 99.9%"
    assert {i.name for i in shop.invariants} == {"nothing-oversold", "provider-agrees"}
    embedded = shop.platforms.embedded
    assert embedded is not None
    assert embedded.services["db"].ready == Ready(postgres="/shop?user=shop_ro")
    assert embedded.services["cache"].ready == Ready(redis=True)
    assert embedded.services["payments"].ready == Ready(tcp=True)
    assert embedded.services["db"].restart.backoff == Duration(0.5)
    assert shop.text.startswith("target: shop")


def test_normal_is_always_a_profile(target: Write) -> None:
    """A rate is the rate of `normal`; nobody needs to say that it is once itself."""
    shop = load_target(target(("{normal: 1, flash-sale: 4}", "{sale: 2}")))
    assert shop.traffic is not None
    assert shop.traffic.profiles == {"normal": 1.0, "sale": 2.0}


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("{role: web, count: 3, slots: 6}", "{role: web, count: 3, slots: 2}", "services.web.slots: 2 is fewer than the 3"),
        ("environment: local", 'environment: production\narmed-by: ""', "armed-by: names no file"),
        ("count: 3", "count: 0", "services.web.count: must be at least 1"),
        ("  web -> db:  ", "  web -> dbs: ", "links: 'web -> dbs': unknown service 'dbs'. Did you mean 'db'?"),
        ("  web -> db:  ", "  web to db:  ", "links: 'web to db' is not a link; write 'web -> db'"),
        ("protocol: redis", "protocol: rediss", "links.web -> cache.protocol: 'rediss' is not one of them. Did you mean 'redis'"),
        ("entry: edge", "entry: egde", "traffic.entry: unknown service 'egde'. Did you mean 'edge'?"),
        ("target: shop", f"target: {'a' * 64}", "target: is 64 characters long; 63 are the most"),
        ("title: The reference shop", r'title: "The\x07shop"', "shop.yaml:2: title: has the character U+0007"),
        ("rate: 25/s", "rate: 25", "traffic.rate: '25' is not a rate; write it with its unit, for example 25/s"),
        ("rate: 25/s", "rate: 0/s", "traffic.rate: must be more than 0/s"),
        ("arrivals: poisson", "arrivals: random", "traffic.arrivals: 'random' is not one of them. Known: constant, poisson"),
        ("{get: /}", "{}", "traffic.steps.home: needs exactly one of get, post, put, patch, delete; got none of them"),
        ("{get: /}", "{get: /, post: /}", "got get and post"),
        ("{get: /}", "{get: home}", "traffic.steps.home.get: 'home' does not have the form ^/"),
        ("expect: 200-299", "expect: 299-200", "traffic.steps.checkout.expect: '299-200' is not a range of statuses"),
        ("acknowledges: order", "acknowledges: ordr", "unknown variable 'ordr'. Did you mean 'order'?"),
        ("pages: [home, list]", "pages: [home, lists]", "traffic.groups.pages[1]: unknown step 'lists'. Did you mean 'list'?"),
        ("steps: [home, cart, checkout]", "steps: [home, kart]", "traffic.journeys.buy.steps[1]: unknown step 'kart'"),
        ('"{product}"', '"{prodct}"', "unknown variable '{prodct}' in the journey 'buy'. Did you mean 'product'?"),
        ("{integer: [1, 5000]}", "{integer: [9, 5]}", "traffic.values.product.integer: 9 is more than 5"),
        ("{integer: [1, 5000]}", "{}", "traffic.values.product: needs exactly one of integer and choice"),
        ("groups: {pages: ", "groups: {home: ", "'home' is the name of a step already"),
        ("groups: {pages: ", "groups: {p99: ", "'p99' is a percentile already"),
        ("groups: {pages: ", "groups: {availability: ", "'availability' is an SLI of every target already"),
        ("variants: [resilient, fragile]", "variants: [a, a]", "variants[1]: 'a' cannot be a name here"),
        ("{prometheus: web, histogram", "{prometheus: wbe, histogram", "slis.db-query.prometheus: unknown service 'wbe'"),
        ("{prometheus: web, histogram: shop_db_query_seconds}", "{prometheus: web}", "slis.db-query: needs either histogram, or good and total"),
        ("{http: edge, path: /readyz}", "{http: edge, query: x}", "slis.edge-ready.query: does not belong to an SLI from http"),
        ("{http: edge, path: /readyz}", "{path: /readyz}", "slis.edge-ready: needs exactly one of promql, prometheus, http and sql"),
        ('stock-left: {sql: db, query: "SELECT 1"}', "stock-left: {sql: db}", "slis.stock-left: missing key 'query'"),
        ("stock-left: {sql: db,", "stock-left: {sql: dbx,", "slis.stock-left.sql: unknown database 'dbx'. Did you mean 'db'?"),
        ("objective: availability >= 99.9%", "objective: availability <= 99.9%", "slos[0].objective: `availability <= 99.9%` points the wrong way"),
        ("window: 30d", "window: month", "slos[0].window: 'month' is not a duration"),
        ("{sql: db, rows: none, query", "{rows: none, query", "invariants.nothing-oversold: needs exactly one of sql and command"),
        ("rows: none", "rows: some", "invariants.nothing-oversold.rows: 'some' is not one of them. Known: none."),
        ("      payments: {run: [a]}\n", "", "platforms.embedded.services: the service 'payments' is missing here"),
        ("      payments: {run: [a]}", "      payment: {run: [a]}", "unknown service 'payment'. Did you mean 'payments'?"),
        ("after: [db, cache]", "after: [db, cash]", "services.web.after[1]: unknown service 'cash'. Did you mean 'cache'?"),
        ("{link:db}", "{link:dbs}", "unknown variable '{link:dbs}'. Did you mean 'link:db'?"),
        ("{link:db}", "{link:cache}", "There is no such link from here; {direct:cache} goes past the proxies."),
        ('"{port}"', '"{prot}"', "unknown variable '{prot}'. Did you mean 'port'?"),
        ("ready: redis", "ready: mysql", "ready: 'mysql' is not one of them"),
        ("ready: {http: /readyz}", "ready: {http: /readyz, postgres: /x}", "ready: needs exactly one of http and postgres"),
        ("start-within: 30s", "start-within: 0s", "start-within: must be more than 0s"),
        ("policy: on-failure", "policy: sometimes", "restart.policy: 'sometimes' is not one of them"),
    ],
)  # fmt: skip
def test_a_wrong_target_says_where_and_what(target: Write, old: str, new: str, words: str) -> None:
    """One part of a file that names what another has not: the line, the place, the nearest word."""
    with pytest.raises(SpecError) as caught:
        load_target(target((old, new)))
    assert words in str(caught.value)
    assert caught.value.line is not None


def test_services_cannot_wait_for_each_other(target: Write) -> None:
    """A circle in `after` would never start."""
    path = target(
        ('"{link:db}"], after: [db]', '"{link:db}"], after: [edge]'), ("after: [db, cache]", "after: [replica]")
    )
    with pytest.raises(SpecError, match="replica, web, edge wait for each other in 'after'"):
        load_target(path)


def test_several_wrong_places_are_all_named(target: Write) -> None:
    """One run of `validate` shows everything."""
    with pytest.raises(SpecErrors) as caught:
        load_target(target(("entry: edge", "entry: egde"), ("{link:db}", "{link:dbs}"), ("window: 30d", "window: x")))
    assert len(caught.value.errors) == 3
    assert [e.line for e in caught.value.errors] == sorted(e.line or 0 for e in caught.value.errors)


def test_doubled_braces_are_the_word_itself(target: Write) -> None:
    """What looks like a variable and is not can be written."""
    shop = load_target(target(('"{port}"', '"{{whatever}}"')))
    assert shop.platforms.embedded is not None
    assert shop.platforms.embedded.services["db"].run[1] == "{{whatever}}"
