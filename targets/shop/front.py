"""What every request passes: a place among those being answered, the count, and an answer to every failure."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from targets.shop import metrics
from targets.shop.failures import DependencyDown, Rejected
from targets.shop.inbound import wants_json
from targets.shop.views import Notice, render, reply

log = logging.getLogger(__name__)

Handler = Callable[[Request], Awaitable[Response]]

# Shedding on: so many at a time in an instance, the rest is refused at once. Those who pay go before those who look.
# A healthy instance has two or three in flight at 100 requests a second.
IN_FLIGHT_MAX = 64
IN_FLIGHT_MAX_BROWSING = 48
PAYING = ("/checkout", "/orders/", "/cart")
# Shedding off: so many workers, and everybody else waits in a queue without end.
WORKERS = 8

# Asked by machines, of this instance itself: neither queued nor refused.
INTERNAL = frozenset({"/healthz", "/readyz", "/metrics"})


class Endpoint:
    """A handler as an ASGI app, with the name that it has in the metrics; spares Starlette's middle layers."""

    def __init__(self, name: str, handler: Handler) -> None:
        self.name = name
        self.handler = handler

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["shop.route"] = self.name
        response = await self.handler(Request(scope, receive))
        await response(scope, receive, send)


class Front:
    """The outermost ASGI app of an instance."""

    def __init__(self, app: ASGIApp, *, shedding: bool) -> None:
        self._app = app
        self._shedding = shedding
        self._workers = asyncio.Semaphore(WORKERS)
        self._in_flight = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in INTERNAL:
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        status = 500

        async def watch(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        self._in_flight += 1
        try:
            if not self._shedding:
                async with self._workers:
                    await self._answer(scope, receive, watch)
            elif self._in_flight <= IN_FLIGHT_MAX_BROWSING or self._has_room(scope["path"]):
                await self._answer(scope, receive, watch)
            else:
                metrics.SHED.inc()
                await notice(scope, 503, "too many customers at the moment")(scope, receive, watch)
        finally:
            self._in_flight -= 1
            route = scope.get("shop.route", "none")
            metrics.requests(route, scope["method"], status).inc()
            metrics.request_seconds(route, status).observe(time.perf_counter() - started)

    def _has_room(self, path: str) -> bool:
        return self._in_flight <= IN_FLIGHT_MAX and path.startswith(PAYING)

    @property
    def in_flight(self) -> int:
        return self._in_flight

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self._app(scope, receive, send)
        except Rejected as rejected:
            response = notice(scope, rejected.status, rejected.message)
        except DependencyDown as down:
            response = notice(scope, 503, f"{down.dependency} is not available at the moment")
        except Exception:
            log.exception("%s %s failed", scope["method"], scope["path"])
            response = notice(scope, 500, "something went wrong here")
        else:
            return
        await response(scope, receive, send)


def notice(scope: Scope, status: int, message: str) -> Response:
    """An error as a page or as JSON; 503 says when to come again."""
    as_json = wants_json(Request(scope))
    headers = {"retry-after": "1"} if status == 503 else None
    return reply(render(Notice(error=message), as_json=as_json), as_json=as_json, status=status, headers=headers)
