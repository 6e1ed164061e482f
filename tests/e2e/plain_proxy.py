"""A fault proxy as Shopify's is, without leases, at the end of a slow way: a toxic that is asked for comes seconds
later, whatever became of who had asked for it."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from aiohttp import web

from chaos.proxy.server import api
from chaos.proxy.server.__main__ import main

LATE_S = 3.0

api.VERSION = "2.12.0"
add_toxic = api.Api.add_toxic


def asked(config: Path) -> Path:
    """There once a toxic was asked for, that is before it comes."""
    return config.with_suffix(".asked")


async def late(self: api.Api, request: web.Request) -> web.Response:
    await request.read()
    asked(Path(sys.argv[sys.argv.index("--config") + 1])).touch()
    await asyncio.sleep(LATE_S)
    return await add_toxic(self, request)


api.Api.add_toxic = late  # type: ignore[method-assign]

if __name__ == "__main__":
    sys.exit(main())
