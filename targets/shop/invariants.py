"""What must be true of the shop once it is quiet: `python -m targets.shop.invariants NAME < acknowledged.json`.

Reads the order ids that customers were given as a JSON list on stdin, the database from SHOP_DSN (read-only) and the
provider's address from PAYMENTS, and prints one JSON object: {"ok": bool, "violations": [...], "checked": int}.
Exit code 0 whatever it finds, 69 when a source does not answer: a check that could not be made is no answer.
"""

from __future__ import annotations

import argparse
import os
import sys
import urllib.request
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import psycopg

# An accepted order may wait this long for its payment, in seconds.
DEADLINE_S = 60

OVERSOLD = """
SELECT p.id, p.name, p.stock, p.initial_stock, coalesce(sum(l.quantity) FILTER (WHERE o.status <> 'cancelled'), 0)
FROM products p LEFT JOIN order_lines l ON l.product_id = p.id LEFT JOIN orders o ON o.id = l.order_id
GROUP BY p.id
HAVING p.stock < 0 OR p.stock + coalesce(sum(l.quantity) FILTER (WHERE o.status <> 'cancelled'), 0) <> p.initial_stock
ORDER BY p.id
"""

PAID = """
SELECT o.id, o.status, o.total_cents, count(p.reference), coalesce(sum(p.amount_cents), 0),
       extract(epoch FROM now() - o.placed_at)::float
FROM orders o LEFT JOIN payments p ON p.order_id = o.id
GROUP BY o.id ORDER BY o.placed_at
"""

LOST = """
SELECT a.id FROM unnest(%s::text[]) AS a(id) LEFT JOIN orders o ON o.id = a.id WHERE o.id IS NULL ORDER BY a.id
"""


class Record(msgspec.Struct, frozen=True):
    """One line of the provider's records."""

    row: int
    order_id: str
    amount_cents: int
    status: str
    reference: str


class Records(msgspec.Struct, frozen=True):
    """One page of them."""

    payments: list[Record]


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """What a check found. `checked` counts products, orders or charges."""

    ok: bool
    violations: list[str]
    checked: int


class Sources:
    """Where the truth is kept: the shop's database and the provider's records."""

    def __init__(self, dsn: str, payments: str) -> None:
        self._dsn = dsn
        self._payments = payments

    def rows(self, query: str, *args: object) -> list[tuple[Any, ...]]:
        with psycopg.connect(self._dsn, connect_timeout=5) as connection:
            return connection.execute(query.encode(), args).fetchall()

    def provider(self) -> list[Record]:
        """All that the provider has written down."""
        found: list[Record] = []
        while True:
            after = found[-1].row if found else 0
            url = f"http://{self._payments}/payments?after={after}&limit=5000"
            with urllib.request.urlopen(url, timeout=10) as answer:
                page = msgspec.json.decode(answer.read(), type=Records).payments
            if not page:
                return found
            found += page


def nothing_oversold(sources: Sources, _: Sequence[str]) -> Finding:
    """What was ordered and what is left add up to what there was, for every product."""
    rows = sources.rows(OVERSOLD)
    violations = [
        f"product {number} ({name}): {stock} left and {ordered} ordered of {initial}"
        for number, name, stock, initial, ordered in rows
    ]
    ((count,),) = sources.rows("SELECT count(*) FROM products")
    return finding(violations, count)


def paid_once(sources: Sources, _: Sequence[str]) -> Finding:
    """Every order is paid once and in full, or still within its deadline, or cancelled."""
    rows = sources.rows(PAID)
    violations = []
    for order, status, total, count, amount, age_s in rows:
        if count > 1:
            violations.append(f"order {order} is paid {count} times")
        elif status == "paid" and (count == 0 or amount != total):
            violations.append(f"order {order} is called paid, with {amount} of {total} cents")
        elif status in ("placed", "pending") and age_s > DEADLINE_S:
            violations.append(f"order {order} is still {status} after {age_s:.0f} s, more than {DEADLINE_S} s")
        elif status == "cancelled" and count:
            violations.append(f"order {order} is cancelled, and paid")
    return finding(violations, len(rows))


def provider_agrees(sources: Sources, _: Sequence[str]) -> Finding:
    """The provider charged for every paid order, once and in full, and for nothing else."""
    charges: dict[str, list[Record]] = defaultdict(list)
    records = sources.provider()
    for record in records:
        if record.status == "paid":
            charges[record.order_id].append(record)
    # Read after the provider's records: what was charged in between is not missed in either of them.
    orders = {str(row[0]): row for row in sources.rows(PAID)}
    violations = []
    for order, charged in charges.items():
        if order not in orders:
            violations.append(f"the provider charged for order {order}, which does not exist")
            continue
        _, status, total, _, _, age_s = orders[order]
        if len(charged) > 1:
            violations.append(f"the provider charged {len(charged)} times for order {order}")
        elif charged[0].amount_cents != total:
            violations.append(f"the provider charged {charged[0].amount_cents} of {total} cents for order {order}")
        elif status != "paid" and age_s > DEADLINE_S:
            violations.append(f"the provider charged for order {order}, which is {status}")
    for order, (_, status, _, _, _, age_s) in orders.items():
        if status == "paid" and order not in charges and age_s > 1.0:
            violations.append(f"order {order} is called paid, and the provider knows of no charge")
    return finding(violations, len(records))


def no_accepted_order_lost(sources: Sources, acknowledged: Sequence[str]) -> Finding:
    """Every order that a customer was given the number of exists."""
    lost = sources.rows(LOST, list(acknowledged))
    return finding([f"order {order} was acknowledged and does not exist" for (order,) in lost], len(acknowledged))


def finding(violations: list[str], checked: int) -> Finding:
    return Finding(ok=not violations, violations=violations, checked=checked)


Check = Callable[[Sources, Sequence[str]], Finding]

INVARIANTS: dict[str, Check] = {
    "nothing-oversold": nothing_oversold,
    "paid-once": paid_once,
    "provider-agrees": provider_agrees,
    "no-accepted-order-lost": no_accepted_order_lost,
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m targets.shop.invariants", description=__doc__)
    parser.add_argument("name", choices=sorted(INVARIANTS))
    args = parser.parse_args()
    acknowledged = msgspec.json.decode(sys.stdin.read() or "[]", type=list[str])
    try:
        sources = Sources(os.environ["SHOP_DSN"], os.environ["PAYMENTS"])
        found = INVARIANTS[args.name](sources, acknowledged)
    except KeyError as missing:
        print(f"the environment variable {missing} is needed", file=sys.stderr)  # noqa: T201
        sys.exit(64)
    except (psycopg.Error, OSError) as error:
        print(f"{args.name}: {error}", file=sys.stderr)  # noqa: T201
        sys.exit(69)
    sys.stdout.write(msgspec.json.encode(found).decode() + "\n")


if __name__ == "__main__":
    main()
