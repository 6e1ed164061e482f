"""One HTTP/1.1 answer, read from bytes as they come. RFC 9112, of which a customer needs only little."""

from __future__ import annotations

# Longer than any server sends; a head without an end would otherwise grow for ever.
_HEAD_MAX = 1 << 16


class Malformed(ValueError):
    """What came is not HTTP."""


class Response:
    """Feed it until it is `done`. `body` is then whole, without transfer coding; `instance` is `X-Instance`."""

    __slots__ = (
        "_chunk_left", "_chunked", "_head_only", "_in_trailer", "_left", "_parts", "_pending", "_until_close",
        "done", "instance", "keep_alive", "set_cookie", "status",
    )  # fmt: skip

    def __init__(self, *, head_only: bool = False) -> None:
        """`head_only`: the request was HEAD, so whatever length the answer names, no body follows."""
        self.status = 0
        self.instance = ""
        self.set_cookie: list[str] = []
        self.keep_alive = True
        self.done = False
        self._head_only = head_only
        self._pending = b""
        self._parts: list[bytes] = []
        self._left = 0
        self._chunked = False
        self._chunk_left = -1  # -1: a size line comes next
        self._in_trailer = False
        self._until_close = False

    @property
    def body(self) -> bytes:
        return self._parts[0] if len(self._parts) == 1 else b"".join(self._parts)

    @property
    def empty(self) -> bool:
        """Nothing has come yet."""
        return not self.status and not self._pending

    def feed(self, data: bytes) -> None:
        """Raises: Malformed."""
        while not self.status:
            data = self._pending + data
            end = data.find(b"\r\n\r\n")
            if end < 0:
                if len(data) > _HEAD_MAX:
                    raise Malformed(f"no end of the headers in {_HEAD_MAX} bytes")
                self._pending = data
                return
            self._pending = b""
            self._head(data[:end].decode("latin-1"))
            data = data[end + 4 :]
        if self._chunked:
            self._feed_chunks(data)
        elif self._until_close:
            self._parts.append(data)
        else:
            if len(data) > self._left:
                # More than was announced: take what is ours, and do not use the connection again.
                data, self.keep_alive = data[: self._left], False
            self._left -= len(data)
            self._parts.append(data)
            self.done = self._left == 0

    def end(self) -> bool:
        """The connection ended: is the answer whole?"""
        self.done = self.done or (bool(self.status) and self._until_close)
        return self.done

    def _head(self, head: str) -> None:
        first, *lines = head.split("\r\n")
        version, _, rest = first.partition(" ")
        code = rest[:3]
        if not version.startswith("HTTP/1.") or not code.isdigit() or len(code) != 3:
            raise Malformed(f"not an HTTP answer: {first[:60]!r}")
        status = int(code)
        if 100 <= status < 200:
            return  # an interim answer: the real one follows
        length: int | None = None
        self.keep_alive = version != "HTTP/1.0"
        for line in lines:
            name, colon, value = line.partition(":")
            if not colon:
                raise Malformed(f"not a header: {line[:60]!r}")
            match name.lower():
                case "content-length":
                    if not value.strip().isdigit():
                        raise Malformed(f"a length of {value.strip()[:60]!r}")
                    length = int(value)
                case "transfer-encoding":
                    self._chunked = "chunked" in value.lower()
                case "connection":
                    word = value.strip().lower()
                    self.keep_alive = word != "close" and (self.keep_alive or word == "keep-alive")
                case "set-cookie":
                    self.set_cookie.append(value.strip())
                case "x-instance":
                    self.instance = value.strip()
        self.status = status
        if self._head_only or status in (204, 304):
            self._chunked, self._left = False, 0
        elif not self._chunked:
            self._until_close = length is None
            self._left = length or 0
        if self._until_close:
            self.keep_alive = False

    def _feed_chunks(self, data: bytes) -> None:
        data = self._pending + data if self._pending else data
        self._pending = b""
        while data and not self.done:
            if self._chunk_left > 0:
                part = data[: self._chunk_left]
                self._parts.append(part)
                self._chunk_left -= len(part)
                data = data[len(part) :]
                continue
            line, newline, rest = data.partition(b"\r\n")
            if not newline:
                if len(data) > _HEAD_MAX:
                    raise Malformed("a chunk without a size")
                self._pending = data
                return
            data = rest
            if self._in_trailer:
                self.done = not line
            elif self._chunk_left == 0:  # the line break after a chunk
                if line:
                    raise Malformed(f"a chunk longer than its size: {line[:60]!r}")
                self._chunk_left = -1
            else:
                self._start_chunk(line)
        if data:
            self.keep_alive = False

    def _start_chunk(self, line: bytes) -> None:
        try:
            self._chunk_left = int(line.partition(b";")[0], 16)
        except ValueError:
            raise Malformed(f"a chunk size of {line[:60]!r}") from None
        if self._chunk_left < 0:
            raise Malformed(f"a chunk size of {line[:60]!r}")
        self._in_trailer = self._chunk_left == 0
