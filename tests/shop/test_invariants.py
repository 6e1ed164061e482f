"""The invariants hold on a shop that was used, and find what was planted."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.request
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest
import yaml

pytestmark = pytest.mark.integration

Shop = Any  # the class is in conftest.py, which tests cannot import
ROOT = Path(__file__).parents[2]
TARGET = yaml.safe_load((ROOT / "targets" / "shop.yaml").read_text())
NAMES = ("nothing-oversold", "paid-once", "provider-agrees", "no-accepted-order-lost")


@pytest.fixture(scope="module")
def shop(open_shop: Callable[..., Shop]) -> Shop:
    return open_shop(parts=("db", "cache", "payments", "web-1"), SHOP_REPLICA_READS="off")


def check(shop: Shop, name: str, acknowledged: list[str] | None = None) -> dict[str, Any]:
    """Run the module as the target file does."""
    run = subprocess.run(
        [sys.executable, "-m", "targets.shop.invariants", name],
        input=json.dumps(acknowledged or []),
        capture_output=True,
        text=True,
        env={**os.environ, "SHOP_DSN": shop.local.dsn(), "PAYMENTS": shop.local.address("payments")},
        cwd=ROOT,
    )
    assert run.returncode == 0, run.stderr
    found: dict[str, Any] = json.loads(run.stdout)
    assert found["ok"] == (not found["violations"])
    return found


def rows(shop: Shop, name: str, acknowledged: list[str] | None = None) -> int:
    """Run the target file's own SQL with the read-only role."""
    with psycopg.connect(shop.local.dsn()) as connection:
        query = TARGET["invariants"][name]["query"]
        if "%(" in query:
            return len(connection.execute(query, {"acknowledged": acknowledged or []}).fetchall())
        return len(connection.execute(query).fetchall())


@pytest.fixture
def order(shop: Shop) -> str:
    """A new, paid order."""
    answer = shop.customer().buy(42)
    assert answer.status == 200
    return str(answer.json["order_id"])


def test_a_used_shop_keeps_all_of_them(shop: Shop, order: str) -> None:
    """And each check looked at something."""
    for name in NAMES:
        found = check(shop, name, [order])
        assert found["violations"] == []
        assert found["checked"] >= 1
        if "query" in TARGET["invariants"][name]:
            assert rows(shop, name, [order]) == 0


def test_a_lost_order_is_found(shop: Shop, order: str) -> None:
    """An acknowledged number that the database does not know."""
    assert "no-such-order" in check(shop, "no-accepted-order-lost", [order, "no-such-order"])["violations"][0]
    assert rows(shop, "no-accepted-order-lost", [order, "no-such-order"]) == 1


@pytest.mark.parametrize("stock", ["stock = -1", "stock = stock + 1"])
def test_oversold_stock_is_found(shop: Shop, order: str, stock: str) -> None:
    """Below zero, or more left than there can be."""
    ((before,),) = shop.sql("SELECT stock FROM products WHERE id = 42")
    shop.sql(f"UPDATE products SET {stock} WHERE id = 42")
    try:
        assert "product 42" in check(shop, "nothing-oversold")["violations"][0]
        assert rows(shop, "nothing-oversold") == 1
    finally:
        shop.sql("UPDATE products SET stock = %s WHERE id = 42", before)


def test_an_order_that_is_paid_twice_is_found(shop: Shop, order: str) -> None:
    """Two payments in the shop's own books."""
    shop.sql("INSERT INTO payments VALUES ('extra', %s, 1)", order)
    try:
        assert f"order {order} is paid 2 times" in check(shop, "paid-once")["violations"]
        assert rows(shop, "paid-once") == 1
    finally:
        shop.sql("DELETE FROM payments WHERE reference = 'extra'")


def test_an_unpaid_order_is_legal_until_its_deadline(shop: Shop) -> None:
    """Pending for 50 s is waiting, for 70 s is a violation."""
    insert = "INSERT INTO orders VALUES ('late', 'late', 's', 'pending', 100, now() - %s::interval, now() + '1 h')"
    for age, violations in (("50 s", 0), ("70 s", 1)):
        shop.sql(insert, age)
        try:
            assert len(check(shop, "paid-once")["violations"]) == violations
            assert rows(shop, "paid-once") == violations
        finally:
            shop.sql("DELETE FROM orders WHERE id = 'late'")


def test_a_paid_order_without_a_charge_is_found(shop: Shop) -> None:
    """The shop says paid, the provider has never heard of it."""
    shop.sql("INSERT INTO orders VALUES ('unheard', 'unheard', 's', 'paid', 100, now() - interval '5 s')")
    shop.sql("INSERT INTO payments VALUES ('unheard', 'unheard', 100)")
    try:
        assert "unheard" in check(shop, "provider-agrees")["violations"][0]
        assert check(shop, "paid-once")["ok"]
    finally:
        shop.sql("DELETE FROM payments WHERE order_id = 'unheard'")
        shop.sql("DELETE FROM orders WHERE id = 'unheard'")


def test_a_charge_without_an_order_and_a_second_charge_are_found(shop: Shop, order: str) -> None:
    """The provider's own records are believed."""
    ((total,),) = shop.sql("SELECT total_cents FROM orders WHERE id = %s", order)
    for charged in (order, "nobody"):
        body = json.dumps({"order_id": charged, "amount_cents": total}).encode()
        headers = {"Idempotency-Key": uuid.uuid4().hex, "Content-Type": "application/json"}
        request = urllib.request.Request(shop.local.url("payments", "/payments"), body, headers)
        urllib.request.urlopen(request, timeout=10).close()
    violations = check(shop, "provider-agrees")["violations"]
    assert f"the provider charged 2 times for order {order}" in violations
    assert "the provider charged for order nobody, which does not exist" in violations


def test_a_source_that_does_not_answer_is_not_a_finding(shop: Shop) -> None:
    """Exit 69 and no JSON: nobody may read it as a pass."""
    run = subprocess.run(
        [sys.executable, "-m", "targets.shop.invariants", "provider-agrees"],
        input="[]",
        capture_output=True,
        text=True,
        env={**os.environ, "SHOP_DSN": shop.local.dsn(), "PAYMENTS": "127.0.0.1:1"},
        cwd=ROOT,
    )
    assert (run.returncode, run.stdout) == (69, "")
