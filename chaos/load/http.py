"""The engine over aiohttp: mature in TLS, chunks, compression and everything else that a real shop may answer with.

All customers share one pool of connections without a limit; each has cookies of its own.
"""

from __future__ import annotations

import errno
from urllib.parse import urlsplit

import aiohttp
from yarl import URL

from chaos.load.cookies import Cookies
from chaos.load.engine import CannotSend, Reply
from chaos.model.requests import Failure

# What the generator's own machine has run out of.
OUR_LIMITS = frozenset({errno.EMFILE, errno.ENFILE, errno.EADDRNOTAVAIL, errno.ENOBUFS, errno.ENOMEM})


class HttpEngine:
    """One session for all: a session for each customer costs more than the customer's requests."""

    def __init__(self) -> None:
        self._session: aiohttp.ClientSession | None = None
        self._base = ""

    async def start(self, base_url: str) -> None:
        if urlsplit(base_url).scheme not in ("http", "https"):
            raise ValueError(f"cannot speak to {base_url!r}: write http:// or https://")
        self._base = base_url.rstrip("/")
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=15),
            cookie_jar=aiohttp.DummyCookieJar(),
            skip_auto_headers=("User-Agent", "Accept-Encoding"),
            headers={"User-Agent": "saleproof"},
        )

    def visitor(self) -> HttpVisitor:
        assert self._session is not None
        return HttpVisitor(self._session, self._base)

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()


class HttpVisitor:
    __slots__ = ("_base", "_cookies", "_session")

    def __init__(self, session: aiohttp.ClientSession, base: str) -> None:
        self._session = session
        self._base = base
        self._cookies = Cookies()

    async def request(
        self, method: str, path: str, headers: dict[str, str], body: bytes | None, patience_s: float
    ) -> Reply:
        if self._cookies.header:
            headers = {**headers, "Cookie": self._cookies.header}
        status, instance = 0, ""
        try:
            async with self._session.request(
                method,
                URL(self._base + path, encoded=True),
                headers=headers,
                data=body,
                allow_redirects=False,
                # Without the threshold aiohttp rounds a patience of more than 5 s up to the next whole second.
                timeout=aiohttp.ClientTimeout(total=max(patience_s, 1e-3), ceil_threshold=float("inf")),
            ) as response:
                status = response.status
                instance = response.headers.get("X-Instance", "")
                if "Set-Cookie" in response.headers:
                    self._cookies.take(response.headers.getall("Set-Cookie"))
                content = await response.read()
        except TimeoutError:
            return Reply(Failure.PATIENCE, status, instance)
        except aiohttp.ClientConnectorError as cause:
            if cause.errno in OUR_LIMITS:
                raise CannotSend(str(cause)) from cause
            return Reply(Failure.REFUSED if cause.errno == errno.ECONNREFUSED else Failure.OTHER)
        except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError, aiohttp.ClientPayloadError, ConnectionError):
            return Reply(Failure.RESET, status, instance)
        except (aiohttp.ClientError, ValueError, OSError):
            return Reply(Failure.OTHER, status, instance)
        return Reply(Failure.NONE, status, instance, content)

    def leave(self) -> None:
        """Nothing to do: connections belong to the pool."""
