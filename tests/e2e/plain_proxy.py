"""A fault proxy as Shopify's is, without leases, at the end of a slow way: a toxic that is asked for comes seconds
later, whatever became of who had asked for it."""

from __future__ import annotations

import asyncio
import sys

from aiohttp import web

from chaos.proxy.server import api
from chaos.proxy.server.__main__ import main

LATE_S = 3.0

api.VERSION = "2.12.0"
add_toxic = api.Api.add_toxic


async def late(self: api.Api, request: web.Request) -> web.Response:
    await request.read()
    await asyncio.sleep(LATE_S)
    return await add_toxic(self, request)


api.Api.add_toxic = late  # type: ignore[method-assign]

if __name__ == "__main__":
    sys.exit(main())
