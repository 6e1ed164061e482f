"""The engine over asyncio's transports and llhttp: each customer has a connection of their own, as browsers do, or, as
behind a content delivery network, they share them. HTTP/1.1, TLS by `https://`. docs/performance.md says how fast.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import ssl
from typing import cast
from urllib.parse import urlsplit

from chaos.load.cookies import Cookies
from chaos.load.engine import OUR_LIMITS, Done, Reply
from chaos.load.response import Malformed, Response
from chaos.model.requests import Failure

# RFC 9110 9.2.2: what a browser sends again by itself when a kept connection turns out to be closed.
_IDEMPOTENT = frozenset({"GET", "HEAD", "PUT", "DELETE", "OPTIONS"})


class DirectEngine:
    """Opens connections to one address, resolved once: customers' resolvers cache, too."""

    def __init__(self, *, shared: bool = False) -> None:
        """`shared`: a connection outlives its customer, and the next one goes on with it."""
        self.loop = asyncio.get_running_loop()
        self._shared = shared
        self._free: list[Connection] = []
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
            found = await self.loop.getaddrinfo(self._host, self._port, type=socket.SOCK_STREAM)
            self._addresses = list(dict.fromkeys(str(address[0]) for *_, address in found))

    def visitor(self) -> DirectVisitor:
        return DirectVisitor(self)

    async def close(self) -> None:
        for connection in self._free:
            connection.close()

    def take(self, owner: DirectVisitor) -> Connection | None:
        """One that another customer has left behind, if there is any."""
        while self._free:
            connection = self._free.pop()
            if not connection.closed:
                connection.owner = owner
                return connection
        return None

    def give_back(self, connection: Connection) -> None:
        """Its customer leaves."""
        if self._shared and connection.idle:
            self._free.append(connection)
        else:
            connection.close()

    async def connect(self, owner: DirectVisitor) -> Connection:
        """Raises: OSError, ssl.SSLError."""
        for number, address in enumerate(self._addresses, 1):
            try:
                _, connection = await self.loop.create_connection(
                    lambda: Connection(owner), address, self._port, ssl=self._tls,
                    server_hostname=self._host if self._tls is not None else None,
                )  # fmt: skip
            except OSError as cause:
                if cause.errno in OUR_LIMITS or number == len(self._addresses):
                    raise
            else:
                return connection
        raise OSError(f"{self._host} has no address")


class Connection(asyncio.Protocol):
    """One request at a time; tells its owner what became of it."""

    __slots__ = ("_answer", "_transport", "closed", "owner", "used")

    def __init__(self, owner: DirectVisitor) -> None:
        self.closed = False
        self.used = False
        self.owner = owner
        self._transport: asyncio.Transport | None = None
        self._answer: Response | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's are no subclass of it

    def data_received(self, data: bytes) -> None:
        answer = self._answer
        if answer is None:
            self.close()  # nobody asked
            return
        try:
            answer.feed(data)
        except Malformed:
            self._finish(Failure.OTHER)
            return
        if answer.done:
            self._finish(Failure.NONE)

    def connection_lost(self, exc: Exception | None) -> None:
        self.closed = True
        if self._answer is not None:
            self._finish(Failure.NONE if exc is None and self._answer.end() else Failure.RESET)

    @property
    def idle(self) -> bool:
        """Open, and nothing is under way on it."""
        return self._answer is None and not self.closed

    def send(self, request: bytes, answer: Response) -> None:
        assert self._transport is not None
        self._answer = answer
        self._transport.write(request)

    def close(self) -> None:
        """After this its owner is told nothing more."""
        self.closed = True
        answer, self._answer = self._answer, None
        if self._transport is not None:
            if answer is None:
                self._transport.close()
            else:
                self._transport.abort()  # nobody waits for what would still come

    def _finish(self, failure: Failure) -> None:
        answer, self._answer = self._answer, None
        self.used = True
        if failure is not Failure.NONE or (answer is not None and not answer.keep_alive):
            self.close()
        self.owner.finished(failure)


class DirectVisitor:
    """A connection of their own, opened with the first request and again whenever it is gone."""

    __slots__ = ("_again", "_answer", "_connection", "_cookies", "_done", "_engine", "_opening", "_request", "_timer")

    def __init__(self, engine: DirectEngine) -> None:
        self._engine = engine
        self._cookies = Cookies()
        self._connection: Connection | None = None
        self._opening: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._done: Done | None = None  # whom to tell of the request that is under way
        self._request = b""
        self._again = False  # may it be sent once more, should the kept connection turn out to be closed?
        self._answer: Response

    def ask(
        self, method: str, path: str, headers: dict[str, str], body: bytes | None, patience_s: float, done: Done
    ) -> None:
        loop = self._engine.loop
        self._done = done
        self._answer = Response(head_only=method == "HEAD")
        try:
            self._request = self._bytes(method, path, headers, body)
        except ValueError:
            loop.call_soon(self.finished, Failure.OTHER)
            return
        self._timer = loop.call_later(max(patience_s, 1e-3), self._end, Failure.PATIENCE)
        connection = self._connection or self._engine.take(self)
        if connection is None or connection.closed:
            self._again = False
            self._opening = loop.create_task(self._open())
        else:
            self._connection = connection
            self._again = connection.used and method in _IDEMPOTENT
            connection.send(self._request, self._answer)

    def leave(self) -> None:
        self._done = None
        self._let_go()
        connection, self._connection = self._connection, None
        if connection is not None:
            self._engine.give_back(connection)

    def finished(self, failure: Failure) -> None:
        """By the connection: what became of the request."""
        if failure is Failure.RESET and self._again and self._answer.empty:
            # The server had closed the kept connection while the customer was reading.
            self._again = False
            self._opening = self._engine.loop.create_task(self._open())
        else:
            self._end(failure)

    async def _open(self) -> None:
        failure, unsent = Failure.OTHER, ""
        try:
            connection = self._connection = await self._engine.connect(self)
        except ConnectionRefusedError:
            failure = Failure.REFUSED
        except ConnectionError:
            failure = Failure.RESET
        except OSError as cause:  # TLS's errors are some, too
            if cause.errno in OUR_LIMITS:
                failure, unsent = Failure.UNFINISHED, str(cause)
        except ValueError:
            pass
        else:
            if not connection.closed:
                self._opening = None
                connection.send(self._request, self._answer)
                return
            failure = Failure.RESET  # opened, and closed again at once
        self._opening = None
        self._end(failure, unsent)

    def _end(self, failure: Failure, unsent: str = "") -> None:
        done, self._done = self._done, None
        self._let_go()
        if failure is not Failure.NONE and self._connection is not None:
            self._connection.close()
        answer = self._answer
        if answer.set_cookie:
            self._cookies.take(answer.set_cookie)
        if done is not None:
            body = answer.body if failure is Failure.NONE else b""
            done(Reply(failure, answer.status, answer.instance, body, unsent))

    def _let_go(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._opening is not None:
            self._opening.cancel()
            self._opening = None

    def _bytes(self, method: str, path: str, headers: dict[str, str], body: bytes | None) -> bytes:
        """Raises: ValueError when a value would break out of its line."""
        engine = self._engine
        lines = [f"{method} {engine.prefix}{path}{engine.head}"]
        lines.extend([f"{name}: {value}" for name, value in headers.items()])
        if self._cookies.header:
            lines.append(f"Cookie: {self._cookies.header}")
        if body is not None or method not in ("GET", "HEAD"):
            lines.append(f"Content-Length: {len(body or b'')}")
        text = "\r\n".join(lines)
        if text.count("\n") != len(lines) + 1 or " " in path:
            raise ValueError("a line break or a space where HTTP allows none")
        return text.encode() + b"\r\n\r\n" + (body or b"")
