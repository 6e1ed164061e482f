"""A real HTTP server for the traffic's tests, a process of its own: `python shopkeeper.py PORT`.

It remembers what it was asked (`/log`) and misbehaves on request.
"""

from __future__ import annotations

import asyncio
import itertools
import sys

from aiohttp import web

LOG: list[dict[str, str]] = []
NUMBERS = itertools.count(1)


@web.middleware
async def remember(request: web.Request, handler):  # type: ignore[no-untyped-def]
    if request.path != "/log":
        LOG.append({
            "method": request.method, "path": request.raw_path, "cookie": request.headers.get("Cookie", ""),
            "key": request.headers.get("Idempotency-Key", ""), "body": await request.text(),
            "peer": str(request.transport.get_extra_info("peername")) if request.transport else "",
        })  # fmt: skip
    return await handler(request)


async def home(request: web.Request) -> web.Response:
    """Gives a session to who has none."""
    answer = web.json_response({"id": next(NUMBERS)}, headers={"X-Instance": "web-1"})
    if "session" not in request.cookies:
        answer.set_cookie("session", f"s{next(NUMBERS)}", httponly=True)
    return answer


async def order(request: web.Request) -> web.Response:
    return web.json_response({"order": {"id": f"o-{next(NUMBERS)}", "lines": [{"n": 1}]}}, status=201)


async def slow(request: web.Request) -> web.Response:
    await asyncio.sleep(float(request.query["s"]))
    return web.json_response({})


async def status(request: web.Request) -> web.Response:
    return web.Response(status=int(request.match_info["code"]), text="x")


async def reset(request: web.Request) -> web.Response:
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


async def cut(request: web.Request) -> web.StreamResponse:
    """Announces more than it sends."""
    answer = web.StreamResponse(headers={"Content-Length": "1000"})
    await answer.prepare(request)
    await answer.write(b"only this")
    assert request.transport is not None
    request.transport.close()
    return answer


async def chunked(request: web.Request) -> web.StreamResponse:
    answer = web.StreamResponse()
    answer.enable_chunked_encoding()
    await answer.prepare(request)
    for part in (b'{"id": ', b"5", b"}"):
        await answer.write(part)
        await asyncio.sleep(0.01)
    await answer.write_eof()
    return answer


async def parting(request: web.Request) -> web.Response:
    """Answers, and closes the connection."""
    answer = web.json_response({"id": 1})
    answer.force_close()
    return answer


async def forget(request: web.Request) -> web.Response:
    answer = web.json_response({})
    answer.del_cookie("session")
    return answer


async def log(_: web.Request) -> web.Response:
    return web.json_response(LOG)


def main(port: int) -> None:
    shop = web.Application(middlewares=[remember])
    shop.add_routes([
        web.get("/", home), web.post("/order", order), web.get("/slow", slow), web.get("/status/{code}", status),
        web.get("/reset", reset), web.get("/cut", cut), web.get("/chunked", chunked), web.get("/parting", parting),
        web.get("/forget", forget), web.get("/log", log),
    ])  # fmt: skip
    web.run_app(shop, host="127.0.0.1", port=port, print=None)


if __name__ == "__main__":
    main(int(sys.argv[1]))
