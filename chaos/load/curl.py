"""The engine over libcurl (pycurl): what a shop may answer with, and TLS, are as curl takes them.

All customers share one pool of connections without a limit; each has cookies of their own.
"""

from __future__ import annotations

import asyncio
import errno
import functools
import socket
from urllib.parse import urlsplit

import pycurl

from chaos.load.engine import OUR_LIMITS, Done, Reply
from chaos.model.requests import Failure

# libcurl closes the oldest idle connection when it keeps more than this; the generator's files are the real limit.
_IDLE_MAX = 1 << 20
# What curl sends by itself unless it is told not to: a step says what it wants.
_OWN_HEADERS = ("accept", "content-type", "expect")
_BROKEN = frozenset({pycurl.E_GOT_NOTHING, pycurl.E_PARTIAL_FILE, pycurl.E_RECV_ERROR, pycurl.E_SEND_ERROR})
_INSTANCE = b"x-instance:"


class CurlEngine:
    """Handles are used again, without their cookies: making one costs as much as a request."""

    def __init__(self) -> None:
        self.base = ""
        self.transfers = pycurl.AsyncCurlMulti()
        self.transfers.setopt(pycurl.M_MAXCONNECTS, _IDLE_MAX)
        self._free: list[Handle] = []

    async def start(self, base_url: str) -> None:
        if urlsplit(base_url).scheme not in ("http", "https"):
            raise ValueError(f"cannot speak to {base_url!r}: write http:// or https://")
        self.base = base_url.rstrip("/")

    def visitor(self) -> CurlVisitor:
        return CurlVisitor(self)

    async def close(self) -> None:
        await self.transfers.aclose()

    def take(self) -> Handle:
        """A handle without cookies."""
        return self._free.pop() if self._free else Handle()

    def give_back(self, handle: Handle) -> None:
        handle.curl.setopt(pycurl.COOKIELIST, "ALL")  # forget them
        self._free.append(handle)


class Handle:
    """One of libcurl's, and what came in answer to its last request."""

    __slots__ = ("_head", "_method", "_parts", "curl", "unsent")

    def __init__(self) -> None:
        self._head: list[bytes] = []
        self._parts: list[bytes] = []
        self._method = "GET"
        self.unsent = ""  # why this machine had no socket for the last request
        self.curl = curl = pycurl.Curl()
        curl.setopt(pycurl.NOSIGNAL, 1)
        curl.setopt(pycurl.OPENSOCKETFUNCTION, self._socket)
        curl.setopt(pycurl.PROXY, "")  # the shop is dialled itself, whatever the environment says
        curl.setopt(pycurl.PATH_AS_IS, 1)
        curl.setopt(pycurl.HTTP_VERSION, pycurl.CURL_HTTP_VERSION_1_1)
        curl.setopt(pycurl.USERAGENT, "saleproof")
        curl.setopt(pycurl.COOKIEFILE, "")  # keep cookies, in memory
        curl.setopt(pycurl.HEADERFUNCTION, self._head.append)
        curl.setopt(pycurl.WRITEFUNCTION, self._parts.append)

    def prepare(self, url: str, method: str, headers: dict[str, str], body: bytes | None, patience_s: float) -> None:
        """Raises: ValueError when a value would break out of its line."""
        if " " in url or any("\n" in text or "\r" in text for text in (url, *headers.values())):
            raise ValueError("a line break or a space where HTTP allows none")
        self.unsent = ""
        self._head.clear()
        self._parts.clear()
        curl = self.curl
        if method != self._method:
            curl.unsetopt(pycurl.CUSTOMREQUEST)
            curl.setopt(pycurl.HTTPGET, 1)  # which undoes NOBODY and POST
            self._method = method
        if method == "HEAD":
            curl.setopt(pycurl.NOBODY, 1)
        elif method != "GET" or body is not None:
            curl.setopt(pycurl.POST, 1)
            curl.setopt(pycurl.POSTFIELDS, body or b"")
            if method != "POST":
                curl.setopt(pycurl.CUSTOMREQUEST, method)
        curl.setopt(pycurl.URL, url)
        curl.setopt(pycurl.HTTPHEADER, _lines(tuple(headers.items())))
        curl.setopt(pycurl.TIMEOUT_MS, max(1, round(patience_s * 1e3)))

    def _socket(self, _: int, address: tuple[int, int, int, object]) -> socket.socket | int:
        """A new one. libcurl would not say why it could not have it."""
        try:
            return socket.socket(*address[:3])
        except OSError as cause:
            self.unsent = str(cause)
            none: int = pycurl.SOCKET_BAD
            return none

    def reply(self, failure: Failure) -> Reply:
        if self.unsent:
            failure = Failure.UNFINISHED
        instance = ""
        for line in self._head:
            if line[: len(_INSTANCE)].lower() == _INSTANCE:
                instance = line[len(_INSTANCE) :].strip().decode("latin-1")
        body = b"".join(self._parts) if failure is Failure.NONE else b""
        return Reply(failure, self.curl.getinfo(pycurl.RESPONSE_CODE), instance, body, self.unsent)


class CurlVisitor:
    __slots__ = ("_done", "_engine", "_handle", "_under_way")

    def __init__(self, engine: CurlEngine) -> None:
        self._engine = engine
        self._handle: Handle | None = None
        self._under_way: asyncio.Future[pycurl.Curl] | None = None
        self._done: Done

    def ask(
        self, method: str, path: str, headers: dict[str, str], body: bytes | None, patience_s: float, done: Done
    ) -> None:
        engine = self._engine
        if self._handle is None:
            self._handle = engine.take()
        self._done = done
        try:
            self._handle.prepare(engine.base + path, method, headers, body, patience_s)
        except ValueError:
            asyncio.get_running_loop().call_soon(done, Reply(Failure.OTHER))
            return
        self._under_way = engine.transfers.add_handle(self._handle.curl)
        self._under_way.add_done_callback(self._ended)

    def leave(self) -> None:
        under_way, self._under_way = self._under_way, None
        handle, self._handle = self._handle, None
        if handle is None:
            return
        if under_way is not None and not under_way.done():
            self._engine.transfers.remove_handle(handle.curl)
        self._engine.give_back(handle)

    def _ended(self, future: asyncio.Future[pycurl.Curl]) -> None:
        if future is not self._under_way or self._handle is None:
            return  # the customer has left
        self._under_way = None
        error = future.exception()
        if error is None:
            self._done(self._handle.reply(Failure.NONE))
        else:
            self._done(self._handle.reply(self._failure(error)))

    def _failure(self, error: BaseException) -> Failure:
        assert self._handle is not None
        code = error.args[0] if error.args else 0
        if code == pycurl.E_OPERATION_TIMEDOUT:
            return Failure.PATIENCE
        if code in _BROKEN:
            return Failure.RESET
        cause = self._handle.curl.getinfo(pycurl.OS_ERRNO)
        if cause in OUR_LIMITS:
            self._handle.unsent = str(error)
        return Failure.REFUSED if cause == errno.ECONNREFUSED else Failure.OTHER


@functools.lru_cache(maxsize=256)
def _lines(headers: tuple[tuple[str, str], ...]) -> list[str]:
    named = {name.lower() for name, _ in headers}
    return [f"{name}: {value}" for name, value in headers] + [f"{name}:" for name in _OWN_HEADERS if name not in named]
