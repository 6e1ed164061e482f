"""How to get an answer out of a server, by protocol, without credentials and without changing anything.

A conversation says what to send next and takes what comes back. `size_bytes` asks for about so many bytes in one
direction at least, that of `stream`, where the protocol can do that; 0 asks for the smallest exchange.

    http      GET on a path; larger: pipelined GETs, upstream with a padding header. Any complete responses count.
    postgres  SSLRequest, answered by `S` or `N`; larger: a startup message with an unknown protocol option, which
              PostgreSQL 11 and newer repeat in full before they authenticate; 9.9 kB at most.
    redis     PING; larger: PINGs with a payload, which comes back. `-NOAUTH` is an answer too.
    tcp       nothing: see `probe.py`.
"""

from __future__ import annotations

import struct
from typing import Protocol

from chaos.proxy.values import Stream

# Most servers take headers of 8 KiB (Apache, nginx) and more.
HTTP_PAD_BYTES = 2048
HTTP_IN_FLIGHT = 8
HTTP_MOST_REQUESTS = 4000

# Redis 7 takes at most 16 KiB from a client that has not logged in.
REDIS_PIECE_BYTES = 8192
REDIS_IN_FLIGHT = 8

# PostgreSQL's MAX_STARTUP_PACKET_LENGTH is 10,000 (src/include/libpq/pqcomm.h).
POSTGRES_MOST_BYTES = 9900
POSTGRES_SSL_REQUEST = struct.pack("!ii", 8, 80877103)


class Unexpected(Exception):
    """What came back is not of this protocol."""


class Conversation(Protocol):
    """One exchange."""

    def next(self) -> bytes | None:
        """What to send now, or None when nothing is to be sent before more comes back."""

    def feed(self, data: bytes) -> None:
        """Take what came back. Raises: Unexpected."""

    def done(self) -> bool:
        """Every answer is complete."""


class Http:
    """GETs on one keep-alive connection."""

    def __init__(self, *, host: str, path: str, size_bytes: int, stream: Stream) -> None:
        self._size_bytes = size_bytes
        self._upstream = stream == "upstream"
        padding = f"X-Padding: {'x' * HTTP_PAD_BYTES}\r\n" if size_bytes and self._upstream else ""
        self._request = (
            f"GET {path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: saleproof-probe\r\nAccept: */*\r\n{padding}\r\n"
        ).encode()
        self._sent = 0
        self._answered = 0
        self._received_bytes = 0
        self._closing = False
        self._buffer = bytearray()

    def _enough(self) -> bool:
        if self._sent >= HTTP_MOST_REQUESTS:
            return True
        moved = self._sent * len(self._request) if self._upstream else self._received_bytes
        return self._sent > 0 and moved >= self._size_bytes

    def next(self) -> bytes | None:
        if self._closing or self._enough() or self._sent - self._answered >= HTTP_IN_FLIGHT:
            return None
        self._sent += 1
        return self._request

    def feed(self, data: bytes) -> None:
        self._received_bytes += len(data)
        self._buffer += data
        while self._answered < self._sent and self._take_one():
            self._answered += 1

    def done(self) -> bool:
        return self._answered > 0 and (self._closing or (self._enough() and self._answered == self._sent))

    def _take_one(self) -> bool:
        """Take one complete response off the buffer."""
        buffer = self._buffer
        if not b"HTTP/".startswith(bytes(buffer[:5])):
            raise Unexpected(f"{bytes(buffer[:40])!r} is no HTTP response")
        end = buffer.find(b"\r\n\r\n")
        if end < 0:
            return False
        lines = bytes(buffer[:end]).decode("latin-1").split("\r\n")
        headers = {
            name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])
        }
        status = lines[0].split(" ")[1] if " " in lines[0] else ""
        body = end + 4
        if status.startswith("1"):
            del buffer[:body]
            return self._take_one() if buffer else False
        if "chunked" in headers.get("transfer-encoding", ""):
            length = _chunked_end(buffer, body)
            if length is None:
                return False
        else:
            length = body + (0 if status in ("204", "304") else int(headers.get("content-length", "0") or 0))
        if len(buffer) < length:
            return False
        del buffer[:length]
        self._closing = headers.get("connection", "").lower() == "close" or lines[0].startswith("HTTP/1.0")
        return True


def _chunked_end(buffer: bytearray, at: int) -> int | None:
    """Where a chunked body ends; None when it is not all there."""
    while True:
        line_end = buffer.find(b"\r\n", at)
        if line_end < 0:
            return None
        try:
            size = int(bytes(buffer[at:line_end]).split(b";")[0], 16)
        except ValueError:
            raise Unexpected("a chunk without its size") from None
        at = line_end + 2 + size + 2
        if size == 0:
            return at if len(buffer) >= at else None
        if len(buffer) < at:
            return None


class Postgres:
    """The first message of a session."""

    def __init__(self, *, size_bytes: int) -> None:
        self._plain = size_bytes > 0
        self._request: bytes | None = _startup(min(size_bytes, POSTGRES_MOST_BYTES)) if size_bytes else None
        self._request = self._request or POSTGRES_SSL_REQUEST
        self._buffer = bytearray()
        self._done = False

    def next(self) -> bytes | None:
        request, self._request = self._request, None
        return request

    def feed(self, data: bytes) -> None:
        self._buffer += data
        if not self._plain:
            # One byte; or E, the message of a server that is starting up, or full.
            if bytes(self._buffer) not in (b"S", b"N") and not self._buffer.startswith(b"E"):
                raise Unexpected(f"{bytes(self._buffer[:20])!r} is no answer of PostgreSQL")
            self._done = True
            return
        while len(self._buffer) >= 5:
            kind = bytes(self._buffer[:1])
            if kind not in (b"v", b"E", b"R", b"N"):
                raise Unexpected(f"{bytes(self._buffer[:20])!r} is no answer of PostgreSQL")
            length = 1 + struct.unpack("!i", self._buffer[1:5])[0]
            if len(self._buffer) < length:
                return
            del self._buffer[:length]
            if kind in (b"E", b"R"):
                self._done = True
                return

    def done(self) -> bool:
        return self._done


def _startup(size_bytes: int) -> bytes:
    """A startup message of protocol 3.0 with an option that no server knows."""
    fixed = b"user\0saleproof_probe\0application_name\0saleproof\0"
    option = b"_pq_.saleproof_" + b"x" * max(1, size_bytes - len(fixed) - 32)
    body = struct.pack("!i", 196608) + fixed + option + b"\0" + b"1\0" + b"\0"
    return struct.pack("!i", len(body) + 4) + body


class Redis:
    """PINGs."""

    def __init__(self, *, size_bytes: int) -> None:
        payload = b"x" * min(REDIS_PIECE_BYTES, size_bytes)
        self._wanted = max(1, -(-size_bytes // REDIS_PIECE_BYTES))
        self._request = b"*2\r\n$4\r\nPING\r\n$%d\r\n%s\r\n" % (len(payload), payload) if size_bytes else b"PING\r\n"
        self._sent = 0
        self._answered = 0
        self._buffer = bytearray()

    def next(self) -> bytes | None:
        if self._sent >= self._wanted or self._sent - self._answered >= REDIS_IN_FLIGHT:
            return None
        self._sent += 1
        return self._request

    def feed(self, data: bytes) -> None:
        self._buffer += data
        while self._buffer:
            if bytes(self._buffer[:1]) not in (b"+", b"-", b"$", b"*"):
                raise Unexpected(f"{bytes(self._buffer[:20])!r} is no answer of Redis")
            line_end = self._buffer.find(b"\r\n")
            if line_end < 0:
                return
            length = line_end + 2
            if self._buffer[:1] == b"$":
                length += int(self._buffer[1:line_end]) + 2
                if len(self._buffer) < length:
                    return
            del self._buffer[:length]
            self._answered += 1

    def done(self) -> bool:
        return self._answered >= self._wanted


class Silence:
    """Nothing is known of the protocol, so nothing is sent, and what comes is not understood."""

    def next(self) -> bytes | None:
        return None

    def feed(self, data: bytes) -> None: ...

    def done(self) -> bool:
        return False


PROTOCOLS: tuple[str, ...] = ("http", "postgres", "redis", "tcp")


def conversation(protocol: str, *, host: str, path: str, size_bytes: int, stream: Stream) -> Conversation:
    """A new conversation of a protocol of `PROTOCOLS`. Raises: ValueError for another one."""
    if protocol == "http":
        return Http(host=host, path=path, size_bytes=size_bytes, stream=stream)
    if protocol == "postgres":
        return Postgres(size_bytes=size_bytes)
    if protocol == "redis":
        return Redis(size_bytes=size_bytes)
    if protocol == "tcp":
        return Silence()
    raise ValueError(f"unknown protocol {protocol!r}. Known: {', '.join(PROTOCOLS)}.")
