"""The engine over plain asyncio: each customer has a connection of their own, as browsers do, and a request still costs
less than half of what it costs through aiohttp (`make bench`). HTTP/1.1, TLS by `https://`.
"""

from __future__ import annotations

import asyncio
import errno
import ipaddress
import socket
import ssl
from typing import cast
from urllib.parse import urlsplit

from chaos.load.cookies import Cookies
from chaos.load.engine import CannotSend, Reply
from chaos.load.response import Malformed, Response
from chaos.model.requests import Failure

# What the generator's own machine has run out of.
OUR_LIMITS = frozenset({errno.EMFILE, errno.ENFILE, errno.EADDRNOTAVAIL, errno.ENOBUFS, errno.ENOMEM})

# RFC 9110 9.2.2: what a browser sends again by itself when a kept connection turns out to be closed.
_IDEMPOTENT = frozenset({"GET", "HEAD", "PUT", "DELETE", "OPTIONS"})


class DirectEngine:
    """Opens connections to one address, resolved once: customers' resolvers cache, too."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._addresses: list[str] = []
        self._port = 0
        self._tls: ssl.SSLContext | None = None
        self._host = ""
        self.head = ""  # what follows the path in every request
        self.prefix = ""

    async def start(self, base_url: str) -> None:
        parts = urlsplit(base_url)
        if parts.scheme not in ("http", "https") or parts.hostname is None:
            raise ValueError(f"cannot speak to {base_url!r}: write http://host:port or https://host")
        self._host = parts.hostname
        self._port = parts.port or (443 if parts.scheme == "https" else 80)
        self._tls = ssl.create_default_context() if parts.scheme == "https" else None
        self.prefix = parts.path.rstrip("/")
        self.head = f" HTTP/1.1\r\nHost: {parts.netloc.rpartition('@')[2]}\r\nUser-Agent: saleproof"
        try:
            self._addresses = [str(ipaddress.ip_address(self._host))]
        except ValueError:
            found = await self._loop.getaddrinfo(self._host, self._port, type=socket.SOCK_STREAM)
            self._addresses = list(dict.fromkeys(str(address[0]) for *_, address in found))

    def visitor(self) -> DirectVisitor:
        return DirectVisitor(self)

    async def close(self) -> None:
        """Nothing to do: connections belong to their customers."""

    async def connect(self) -> Connection:
        """Raises: CannotSend, OSError, ssl.SSLError."""
        for number, address in enumerate(self._addresses, 1):
            try:
                _, connection = await self._loop.create_connection(
                    Connection, address, self._port, ssl=self._tls,
                    server_hostname=self._host if self._tls is not None else None,
                )  # fmt: skip
            except OSError as cause:
                if cause.errno in OUR_LIMITS:
                    raise CannotSend(str(cause)) from cause
                if number == len(self._addresses):
                    raise
            else:
                return connection
        raise OSError(f"{self._host} has no address")


class Connection(asyncio.Protocol):
    """One request at a time."""

    __slots__ = ("_answer", "_transport", "_waiter", "closed", "used")

    def __init__(self) -> None:
        self.closed = False
        self.used = False
        self._transport: asyncio.Transport | None = None
        self._answer: Response | None = None
        self._waiter: asyncio.Future[Failure] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's are no subclass of it

    def data_received(self, data: bytes) -> None:
        if self._answer is None:
            self.close()  # nobody asked
            return
        try:
            self._answer.feed(data)
        except Malformed:
            self._finish(Failure.OTHER)
            return
        if self._answer.done:
            self._finish(Failure.NONE)

    def connection_lost(self, exc: Exception | None) -> None:
        self.closed = True
        if self._answer is not None:
            self._finish(Failure.NONE if exc is None and self._answer.end() else Failure.RESET)

    async def exchange(self, request: bytes, answer: Response) -> Failure:
        """Send the request and read the answer. Cancelling it closes the connection."""
        assert self._transport is not None
        self._answer = answer
        self._waiter = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        try:
            return await self._waiter
        except asyncio.CancelledError:
            self._answer = None
            self.abort()
            raise

    def close(self) -> None:
        self.closed = True
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        self.closed = True
        if self._transport is not None:
            self._transport.abort()

    def _finish(self, failure: Failure) -> None:
        answer, self._answer = self._answer, None
        self.used = True
        if failure is not Failure.NONE or (answer is not None and not answer.keep_alive):
            self.close()
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(failure)


class DirectVisitor:
    """A connection of their own, opened with the first request and again whenever it is gone."""

    __slots__ = ("_connection", "_cookies", "_engine")

    def __init__(self, engine: DirectEngine) -> None:
        self._engine = engine
        self._cookies = Cookies()
        self._connection: Connection | None = None

    async def request(
        self, method: str, path: str, headers: dict[str, str], body: bytes | None, patience_s: float
    ) -> Reply:
        answer = Response(head_only=method == "HEAD")
        failure = Failure.OTHER
        try:
            async with asyncio.timeout(max(patience_s, 1e-3)):
                failure, answer = await self._send(method, self._bytes(method, path, headers, body), answer)
        except TimeoutError:
            failure = Failure.PATIENCE
        except ConnectionRefusedError:
            failure = Failure.REFUSED
        except ConnectionError:
            failure = Failure.RESET
        except (OSError, ssl.SSLError, ValueError):
            failure = Failure.OTHER
        if answer.set_cookie:
            self._cookies.take(answer.set_cookie)
        return Reply(failure, answer.status, answer.instance, answer.body if failure is Failure.NONE else b"")

    def leave(self) -> None:
        if self._connection is not None:
            self._connection.close()

    async def _send(self, method: str, request: bytes, answer: Response) -> tuple[Failure, Response]:
        connection = self._connection
        if connection is None or connection.closed:
            connection = self._connection = await self._engine.connect()
        again = connection.used and method in _IDEMPOTENT
        failure = await connection.exchange(request, answer)
        if failure is Failure.RESET and again and answer.empty:
            # The server had closed the kept connection while the customer was reading.
            connection = self._connection = await self._engine.connect()
            answer = Response(head_only=method == "HEAD")
            failure = await connection.exchange(request, answer)
        return failure, answer

    def _bytes(self, method: str, path: str, headers: dict[str, str], body: bytes | None) -> bytes:
        """Raises: ValueError when a value would break out of its line."""
        engine = self._engine
        lines = [f"{method} {engine.prefix}{path}{engine.head}"]
        lines.extend(f"{name}: {value}" for name, value in headers.items())
        if self._cookies.header:
            lines.append(f"Cookie: {self._cookies.header}")
        if body is not None or method not in ("GET", "HEAD"):
            lines.append(f"Content-Length: {len(body or b'')}")
        text = "\r\n".join(lines)
        if text.count("\n") != len(lines) + engine.head.count("\n") - 1 or " " in path:
            raise ValueError("a line break or a space where HTTP allows none")
        return text.encode() + b"\r\n\r\n" + (body or b"")
