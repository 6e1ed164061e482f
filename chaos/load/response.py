"""One HTTP/1.1 answer, read from bytes as they come, by llhttp, the parser of Node.js (through httptools)."""

from __future__ import annotations

from typing import Any

import httptools

# Longer than any server sends; a head without an end would otherwise grow for ever.
_HEAD_MAX = 1 << 16
_NO_BODY = (204, 304)


class Malformed(ValueError):
    """What came is not HTTP."""


class Response:
    """Feed it until it is `done`. `body` is then whole, without transfer coding; `instance` is `X-Instance`."""

    __slots__ = (
        "_head_bytes", "_head_only", "_headed", "_measured", "_parser", "_parts", "done", "instance", "keep_alive",
        "set_cookie", "status",
    )  # fmt: skip

    status: int
    instance: str
    set_cookie: list[str]
    keep_alive: bool
    _parts: list[bytes]
    _headed: bool
    _measured: bool

    def __init__(self, *, head_only: bool = False) -> None:
        """`head_only`: the request was HEAD, so whatever length the answer names, no body follows."""
        self.done = False
        self._head_only = head_only
        self._head_bytes = 0
        self._parser: Any = httptools.HttpResponseParser(self)
        self.on_message_begin()

    @property
    def body(self) -> bytes:
        return self._parts[0] if len(self._parts) == 1 else b"".join(self._parts)

    @property
    def empty(self) -> bool:
        """Nothing has come yet."""
        return not self._head_bytes

    def feed(self, data: bytes) -> None:
        """Raises: Malformed."""
        if self._parser is None:
            self.keep_alive = False  # nobody asked for more
            return
        if not self._headed:
            self._head_bytes += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as cause:
            if not self.done:
                raise Malformed(f"not an HTTP answer: {cause}: {data[:60]!r}") from cause
            self.keep_alive = False  # more than was announced: what is ours is whole, the connection is not used again
        if self.done:
            # The parser knows us and we know it: left so, every answer would have to be found by the garbage collector.
            self._parser = None
        elif not self._headed and self._head_bytes > _HEAD_MAX:
            raise Malformed(f"no end of the headers in {_HEAD_MAX} bytes")

    def end(self) -> bool:
        """The connection ended: is the answer whole? One without a length ends with its connection."""
        self.done = self.done or (self._headed and not self._measured)
        return self.done

    # What llhttp calls. After the answer is done, whatever follows is not part of it.

    def on_message_begin(self) -> None:
        if self.done:
            self.keep_alive = False
            return
        self.status = 0
        self.instance = ""
        self.set_cookie = []
        self.keep_alive = True
        self._parts = []
        self._headed = False
        self._measured = False

    def on_header(self, name: bytes, value: bytes) -> None:
        if self.done or self._headed:
            return
        match name.lower():
            case b"content-length" | b"transfer-encoding":
                self._measured = True
            case b"set-cookie":
                self.set_cookie.append(value.decode("latin-1"))
            case b"x-instance":
                self.instance = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        status = self._parser.get_status_code()
        if self.done or 100 <= status < 200:
            return  # an interim answer: the real one follows
        self.status = status
        self._headed = True
        self.keep_alive = self._parser.should_keep_alive()
        if self._head_only:
            self.done = True
        self._measured = self._measured or status in _NO_BODY

    def on_body(self, body: bytes) -> None:
        if not self.done:
            self._parts.append(body)

    def on_message_complete(self) -> None:
        if self._headed:
            self.done = True
