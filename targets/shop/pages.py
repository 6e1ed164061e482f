"""The pages that everybody sees alike: home, list, search, product. One query each, and cached."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from targets.shop import queries
from targets.shop.cache import Cache
from targets.shop.database import Database
from targets.shop.failures import Rejected
from targets.shop.inbound import page_number, product_id, wants_json
from targets.shop.naive import NaivePages
from targets.shop.provider import Provider
from targets.shop.settings import Defences
from targets.shop.views import Card, Home, Listing, Product, View, render, reply

PAGE_SIZE = 20
# How old a page may be. A product's stock is a hint: the order itself checks it.
HOME_FRESH_S = 10.0
LIST_FRESH_S = 30.0
PRODUCT_FRESH_S = 300.0


class BatchedPages:
    """Each page with one query."""

    def __init__(self, database: Database, provider: Provider) -> None:
        self._database = database
        self._provider = provider

    async def home(self) -> Home:
        cards = [Card(*row) for row in await self._database.read(queries.POPULAR)]
        return Home(popular=cards, categories=sorted({card.category for card in cards}))

    async def listing(self, page: int, query: str) -> Listing:
        skip = (page - 1) * PAGE_SIZE
        if query:
            rows = await self._database.read(queries.SEARCH, query, skip, PAGE_SIZE + 1)
        else:
            rows = await self._database.read(queries.PAGE, skip, PAGE_SIZE + 1)
        cards = [Card(*row) for row in rows[:PAGE_SIZE]]
        return Listing(page=page, query=query, products=cards, more=len(rows) > PAGE_SIZE)

    async def product(self, number: int) -> Product | None:
        rows = await self._database.read(queries.PRODUCT, number)
        if not rows:
            return None
        number, name, description, category, price_cents, stock, related = rows[0]
        terms = self._provider.known_terms
        return Product(
            id=number,
            name=name,
            description=description,
            category=category,
            price_cents=price_cents,
            stock=stock,
            related=[Card(*card) for card in related or ()],
            instalments=terms.instalments if terms else None,
        )


class Pages:
    """The routes. What they show comes from the cache, or is made by one of the two ways to make it."""

    def __init__(self, database: Database, cache: Cache, provider: Provider, defences: Defences) -> None:
        self._cache = cache
        self._source: BatchedPages | NaivePages = (
            BatchedPages(database, provider) if defences.batching else NaivePages(database, provider, PAGE_SIZE)
        )
        # The naive shop caches its lists, which everybody asks for, and nothing else.
        self._cache_products = defences.cache

    async def home(self, request: Request) -> Response:
        as_json = wants_json(request)

        async def make() -> bytes:
            return render(await self._source.home(), as_json=as_json)

        return reply(await self._cache.get(f"home:{as_json}", HOME_FRESH_S, make), as_json=as_json)

    async def listing(self, request: Request) -> Response:
        as_json = wants_json(request)
        page = page_number(request)
        query = " ".join(request.query_params.get("q", "").lower().split())[:60]

        async def make() -> bytes:
            return render(await self._source.listing(page, query), as_json=as_json)

        key = f"list:{page}:{query}:{as_json}"
        return reply(await self._cache.get(key, LIST_FRESH_S, make), as_json=as_json)

    async def product(self, request: Request) -> Response:
        as_json = wants_json(request)
        number = product_id(request.path_params["product"])

        async def make() -> bytes:
            view: View | None = await self._source.product(number)
            if view is None:
                raise Rejected(404, f"there is no product {number}")
            return render(view, as_json=as_json)

        if self._cache_products:
            body = await self._cache.get(f"product:{number}:{as_json}", PRODUCT_FRESH_S, make)
        else:
            body = await make()
        return reply(body, as_json=as_json)

    def forget_product(self, number: int) -> None:
        """Its stock has run out: the next visitor should see that."""
        for as_json in (True, False):
            self._cache.forget(f"product:{number}:{as_json}")
