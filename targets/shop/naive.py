"""How the shop of the outage reports makes its pages and its orders. Works well, on a quiet day.

A page holds one of two database connections from its first query to its last, asks for each thing on it alone (N + 1),
and waits for the payment provider in between. A checkout keeps a transaction open while the provider thinks.
"""

from __future__ import annotations

import uuid

from targets.shop import queries
from targets.shop.database import Database
from targets.shop.node import Connection, Row, fetch
from targets.shop.provider import Payment, Provider
from targets.shop.views import Card, Home, Listing, Product


class NaivePages:
    """Each page with as many queries as it has parts."""

    def __init__(self, database: Database, provider: Provider, page_size: int) -> None:
        self._database = database
        self._provider = provider
        self._page_size = page_size

    async def home(self) -> Home:
        async with self._database.primary.connection() as connection:
            cards = await _cards(connection, await fetch(connection, queries.POPULAR_IDS, ()))
        return Home(popular=cards, categories=sorted({card.category for card in cards}))

    async def listing(self, page: int, query: str) -> Listing:
        skip, size = (page - 1) * self._page_size, self._page_size
        async with self._database.primary.connection() as connection:
            if query:
                ids = await fetch(connection, queries.SEARCH_IDS, (query, skip, size + 1))
            else:
                ids = await fetch(connection, queries.PAGE_IDS, (skip, size + 1))
            cards = await _cards(connection, ids[:size])
        return Listing(page=page, query=query, products=cards, more=len(ids) > size)

    async def product(self, number: int) -> Product | None:
        async with self._database.primary.connection() as connection:
            rows = await fetch(connection, queries.ONE, (number,))
            if not rows:
                return None
            number, name, price_cents, stock, category, description, category_id = rows[0]
            related = await _cards(connection, await fetch(connection, queries.RELATED_IDS, (category_id, number)))
            # The provider's terms, asked for anew on every page, with the connection in hand.
            terms = await self._provider.terms()
        return Product(
            id=number,
            name=name,
            description=description,
            category=category,
            price_cents=price_cents,
            stock=stock,
            related=related,
            instalments=terms.instalments,
        )


async def _cards(connection: Connection, ids: list[Row]) -> list[Card]:
    cards = []
    for (number,) in ids:
        (row,) = await fetch(connection, queries.ONE, (number,))
        cards.append(Card(*row[:5]))
    return cards


async def naive_checkout(database: Database, provider: Provider, session: str) -> tuple[Row, Payment | None]:
    """Place and pay an order in one transaction that stays open while the provider is asked.

    No idempotency: every call is a new order and a new charge. Returns the row of `place_order`, and the payment if
    there was something to pay. Raises: DependencyDown; then nothing was ordered, though something may be charged.
    """
    order = uuid.uuid4().hex
    async with database.primary.connection() as connection:
        # A pipeline sends both statements at once: even this checkout takes but two round trips.
        async with connection.pipeline():
            await connection.execute(queries.BEGIN.sql)
            cursor = await connection.execute(queries.PLACE.sql, (order, None, session))
            placed = (await cursor.fetchall())[0]
        if placed[3] is not None:
            await connection.execute(queries.ROLLBACK.sql)
            return placed, None
        payment = await provider.charge(order, placed[2], key=uuid.uuid4().hex)
        outcome = "paid" if payment.status == "paid" else "cancelled"
        async with connection.pipeline():
            await connection.execute(queries.SETTLE.sql, (order, outcome, payment.reference))
            await connection.execute(queries.COMMIT.sql)
    return placed, payment
