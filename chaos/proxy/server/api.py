"""The HTTP API of Toxiproxy 2.12: same paths, same status codes, same bodies."""

from __future__ import annotations

import json
import logging
import secrets
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from chaos import __version__
from chaos.model.lease import LEASE_TTL_S, Lease
from chaos.proxy.server.apierror import ApiError, bad_body, lease_expired
from chaos.proxy.server.collection import Collection
from chaos.proxy.server.decode import read_object, read_objects
from chaos.proxy.server.leaseholder import LeaseHolder
from chaos.proxy.server.proxy import Proxy
from chaos.proxy.server.toxic import read_toxic

log = logging.getLogger("saleproof.proxy")

# Toxiproxy's version, whose API this is; what follows the plus is a build, which a comparison of versions ignores.
VERSION = f"2.12.0+saleproof.{__version__}"

# Some 300,000 proxies in one populate; aiohttp's own limit of 1 MiB is 5,000. Toxiproxy has none.
MOST_BODY_BYTES = 64 * 1024 * 1024

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def _json(value: Any, status: int = 200) -> web.Response:
    # As bytes, so that no charset is added: Toxiproxy's has none.
    body = json.dumps(value, separators=(",", ":")).encode()
    return web.Response(body=body, status=status, content_type="application/json")


def _text(text: str, status: int) -> web.Response:
    """As Go's http.Error writes: text/plain, with a newline at the end."""
    return web.Response(text=text + "\n", status=status, headers={"X-Content-Type-Options": "nosniff"})


def _refusal(message: str, status: int) -> web.Response:
    return _text(json.dumps({"error": message, "status": status}, separators=(",", ":")), status)


async def _answer(request: web.Request, handler: Handler) -> web.StreamResponse:
    if request.headers.get("User-Agent", "").startswith("Mozilla/"):
        return _text("User agent not allowed", 403)
    try:
        return await handler(request)
    except ApiError as error:
        return _refusal(error.message, error.status)
    except web.HTTPException:
        raise
    except Exception as error:
        log.exception("%s %s", request.method, request.path)
        return _refusal(f"internal error: {error!r}", 500)


@web.middleware
async def _as_toxiproxy(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refusals in Toxiproxy's form; and, as there, neither a browser's call nor an id where there is no such call."""
    try:
        response = await (handler(request) if request.match_info.http_exception else _answer(request, handler))
    except web.HTTPNotFound:
        return _text("404 page not found", 404)
    except web.HTTPMethodNotAllowed as error:
        return web.Response(status=405, headers={"Allow": error.headers["Allow"]})
    response.headers["X-Toxiproxy-Request-Id"] = secrets.token_hex(10)
    return response


async def _no_server_header(request: web.Request, response: web.StreamResponse) -> None:
    response.headers.pop("Server", None)


class Api:
    """The handlers, over one collection of proxies, and the leases that things in it are under."""

    def __init__(self, collection: Collection, leases: LeaseHolder) -> None:
        self._collection = collection
        self._leases = leases

    def application(self) -> web.Application:
        app = web.Application(middlewares=[_as_toxiproxy], client_max_size=MOST_BODY_BYTES)
        app.on_response_prepare.append(_no_server_header)
        add = app.router.add_route
        add("POST", "/reset", self.reset)
        add("GET", "/proxies", self.proxies)
        add("POST", "/proxies", self.create)
        add("POST", "/populate", self.populate)
        add("GET", "/version", self.version)
        add("GET", "/proxies/{proxy}", self.show)
        add("DELETE", "/proxies/{proxy}", self.delete)
        add("GET", "/proxies/{proxy}/toxics", self.toxics)
        add("POST", "/proxies/{proxy}/toxics", self.add_toxic)
        add("GET", "/proxies/{proxy}/toxics/{toxic}", self.toxic)
        add("DELETE", "/proxies/{proxy}/toxics/{toxic}", self.remove_toxic)
        for method in ("POST", "PATCH"):
            add(method, "/proxies/{proxy}", self.update)
            add(method, "/proxies/{proxy}/toxics/{toxic}", self.change_toxic)
            add(method, "/saleproof/leases/{lease}", self.renew_lease)
        add("GET", "/saleproof/leases/{lease}", self.lease)
        add("DELETE", "/saleproof/leases/{lease}", self.release_lease)
        return app

    async def version(self, request: web.Request) -> web.Response:
        body = f'{{"version": "{VERSION}"}}\n'.encode()
        return web.Response(body=body, headers={"Content-Type": "application/json;charset=utf-8"})

    async def proxies(self, request: web.Request) -> web.Response:
        return _json({proxy.name: proxy.as_json() for proxy in self._collection.all()})

    async def create(self, request: web.Request) -> web.Response:
        proxy = await self._collection.create(read_object(await request.read()))
        return _json(proxy.as_json(), 201)

    async def populate(self, request: web.Request) -> web.Response:
        done: list[Proxy] = []
        answer: dict[str, Any] = {}
        try:
            await self._collection.populate(read_objects(await request.read()), done)
        except ApiError as error:
            answer = {"error": error.message, "status": error.status}
        answer["proxies"] = [proxy.as_json() for proxy in done] or None
        return _json(answer, answer.get("status", 201))

    async def reset(self, request: web.Request) -> web.Response:
        await self._collection.reset()
        return web.Response(status=204)

    async def show(self, request: web.Request) -> web.Response:
        return _json(self._proxy(request).as_json())

    async def update(self, request: web.Request) -> web.Response:
        proxy = self._proxy(request)
        fields = read_object(await request.read())
        lease = fields.text("lease", "")
        self._leases.check(lease)
        await proxy.update(
            listen=fields.text("listen", proxy.listen),
            upstream=fields.text("upstream", proxy.upstream),
            enabled=fields.flag("enabled", proxy.enabled),
            lease=lease if fields.has("enabled") else None,
        )
        return _json(proxy.as_json())

    async def delete(self, request: web.Request) -> web.Response:
        await self._collection.remove(request.match_info["proxy"])
        return web.Response(status=204)

    async def toxics(self, request: web.Request) -> web.Response:
        return _json([toxic.as_json() for toxic in self._proxy(request).toxics()])

    async def add_toxic(self, request: web.Request) -> web.Response:
        proxy = self._proxy(request)
        body = await request.read()
        # Nothing waits from here on, so no other request can take the name.
        toxic = read_toxic(read_object(body), {present.name for present in proxy.toxics()})
        self._leases.check(toxic.lease)
        proxy.add_toxic(toxic)
        return _json(toxic.as_json())

    async def toxic(self, request: web.Request) -> web.Response:
        return _json(self._proxy(request).toxic(request.match_info["toxic"]).as_json())

    async def change_toxic(self, request: web.Request) -> web.Response:
        proxy = self._proxy(request)
        body = await request.read()
        # Nothing waits between looking and changing, so no other request can come between.
        before = proxy.toxic(request.match_info["toxic"])
        after = before.changed(read_object(body))
        proxy.change_toxic(before, after)
        return _json(after.as_json())

    async def remove_toxic(self, request: web.Request) -> web.Response:
        proxy = self._proxy(request)
        proxy.remove_toxic(proxy.toxic(request.match_info["toxic"]))
        return web.Response(status=204)

    # Leases: not of Toxiproxy, whose clients never meet them.

    async def renew_lease(self, request: web.Request) -> web.Response:
        name = request.match_info["lease"]
        ttl_s = read_object(await request.read()).number("ttl_s", LEASE_TTL_S)
        try:
            became = self._leases.renew(Lease(id=name, ttl_s=ttl_s))
        except ValueError as error:
            raise bad_body(str(error)) from error
        if became == "expired":
            raise lease_expired()
        return _json(self._leases.as_json(name), 201 if became == "created" else 200)

    async def lease(self, request: web.Request) -> web.Response:
        return _json(self._leases.as_json(request.match_info["lease"]))

    async def release_lease(self, request: web.Request) -> web.Response:
        await self._leases.release(request.match_info["lease"])
        return web.Response(status=204)

    def _proxy(self, request: web.Request) -> Proxy:
        return self._collection.get(request.match_info["proxy"])
