"""One web instance: `python -m targets.shop.web --port 8001`, told by its environment (see settings.py) about the rest.

Every answer carries `X-Instance`. /healthz: the process answers. /readyz: send me customers.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import uvicorn
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, Router
from starlette.types import ASGIApp

from targets.shop import metrics, settings
from targets.shop.cache import Cache
from targets.shop.cart import Carts
from targets.shop.checkout import Orders
from targets.shop.database import Database
from targets.shop.failures import Rejected
from targets.shop.front import Endpoint, Front, Handler
from targets.shop.pages import Pages
from targets.shop.provider import Provider
from targets.shop.settler import Settler
from targets.shop.views import SHAPES, STYLE, answer

# Names, not contents, change with a release.
FOREVER = {"cache-control": "public, max-age=86400"}


class Web:
    """The parts of an instance, wired together."""

    def __init__(self, config: settings.Settings) -> None:
        defences = config.defences
        self.config = config
        self.database = Database(config)
        self.cache = Cache(config.cache, defences)
        self.provider = Provider(config.payments, defences)
        self.settler = Settler(self.database, self.provider)
        self.pages = Pages(self.database, self.cache, self.provider, defences)
        self.carts = Carts(self.database)
        self.orders = Orders(self.database, self.provider, defences)
        self.ready = False
        self.front = Front(self._router(), shedding=defences.shedding)

    def _router(self) -> ASGIApp:
        def route(path: str, name: str, handler: Handler, *methods: str) -> Route:
            return Route(path, Endpoint(name, handler), methods=list(methods) or ["GET"])

        return Router(
            [
                route("/products/{product}", "product", self.pages.product),
                route("/", "home", self.pages.home),
                route("/products", "list", self.pages.listing),
                route("/cart", "cart", self.carts.put, "POST"),
                route("/cart", "cart", self.carts.show),
                route("/checkout", "checkout", self.orders.checkout, "POST"),
                route("/orders/{order}", "order", self.orders.show),
                route("/readyz", "readyz", self.readyz),
                route("/healthz", "healthz", self.healthz),
                route("/metrics", "metrics", self.metrics),
                route("/style.css", "static", self.style),
                route("/shapes.svg", "static", self.shapes),
            ],
            redirect_slashes=False,
            default=Endpoint("none", self.nowhere),
            lifespan=self.lifespan,
        )

    @asynccontextmanager
    async def lifespan(self, _: object) -> AsyncIterator[None]:
        await self.database.open()
        await self.provider.open()
        tasks = [asyncio.create_task(self._become_ready())]
        if self.config.defences.batching:
            tasks.append(asyncio.create_task(self.provider.keep_terms()))
        if self.config.defences.pending:
            tasks.append(asyncio.create_task(self.settler.run()))
        # What exists now stays for good: the collector need not look at it again with every request.
        gc.collect()
        gc.freeze()
        gc.set_threshold(20_000, 20, 20)
        yield
        for task in tasks:
            task.cancel()
        with suppress(TimeoutError):
            async with asyncio.timeout(1.0):
                await self.provider.close()
                await self.cache.close()
                await self.database.close()

    async def _become_ready(self) -> None:
        await self.database.wait_for_any()
        self.ready = True

    async def readyz(self, _: Request) -> Response:
        """Ready once a database has been reached, and from then on for as long as this process answers.

        A shared dependency that fails later fails for every instance: leaving the load balancer would take the whole
        shop down, with all that it can still do.
        """
        return answer({"status": "ready" if self.ready else "starting"}, 200 if self.ready else 503)

    async def healthz(self, _: Request) -> Response:
        return answer({"status": "ok", "instance": self.config.instance})

    async def metrics(self, _: Request) -> Response:
        for node in self.database.nodes:
            node.publish()
        metrics.IN_FLIGHT.set(self.front.in_flight)
        return Response(metrics.exposition(), media_type="text/plain; version=0.0.4")

    async def style(self, _: Request) -> Response:
        return Response(STYLE, headers=FOREVER, media_type="text/css")

    async def shapes(self, _: Request) -> Response:
        return Response(SHAPES, headers=FOREVER, media_type="image/svg+xml")

    async def nowhere(self, _: Request) -> Response:
        raise Rejected(404, "there is no such page")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m targets.shop.web", description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--host", default="127.0.0.1", help="the address to listen on; in a container 0.0.0.0")
    args = parser.parse_args()
    config = settings.load()
    uvicorn.run(
        Web(config).front,
        host=args.host,
        port=args.port,
        loop="uvloop",
        http="httptools",
        lifespan="on",
        log_level="warning",
        access_log=False,
        server_header=False,
        date_header=False,
        headers=[("X-Instance", config.instance)],
        timeout_keep_alive=75,
        timeout_graceful_shutdown=2,
    )


if __name__ == "__main__":
    main()
