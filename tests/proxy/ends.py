"""One connection through a proxy seen from both of its ends: what arrives at each, when, and how it ends."""

from __future__ import annotations

import contextlib
import hashlib
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from tests.proxy.conftest import Server, Upstream, Wire, silent

Stream = Literal["upstream", "downstream"]


@dataclass(frozen=True)
class Seen:
    """What one end has seen: how it ended, what came, and when (seconds since the connection was made)."""

    ending: Literal["closed", "reset", "open"]
    size: int
    digest: str
    first_s: float | None
    last_s: float | None
    ended_s: float | None

    def what(self) -> tuple[str, int, str]:
        return self.ending, self.size, self.digest

    def times(self) -> tuple[float | None, ...]:
        return self.first_s, self.last_s, self.ended_s


class Watch(threading.Thread):
    """Reads a socket until it ends, or is told that the time is over."""

    def __init__(self, sock: socket.socket, began: float, until_s: float) -> None:
        super().__init__(daemon=True)
        self._sock = sock
        self._began = began
        self._until_s = until_s
        self.got = bytearray()
        self.sizes: list[int] = []
        self.first_s: float | None = None
        self.last_s: float | None = None
        self.ended_s: float | None = None
        self.ending: Literal["closed", "reset", "open"] = "open"
        self.start()

    def _now_s(self) -> float:
        return time.monotonic() - self._began

    def run(self) -> None:
        while (left_s := self._until_s - self._now_s()) > 0:
            self._sock.settimeout(left_s)
            try:
                data = self._sock.recv(1 << 20)
            except TimeoutError:
                return
            except OSError:
                self.ending, self.ended_s = "reset", self._now_s()
                return
            if not data:
                self.ending, self.ended_s = "closed", self._now_s()
                return
            self.last_s = self._now_s()
            self.first_s = self.last_s if self.first_s is None else self.first_s
            self.sizes.append(len(data))
            self.got += data

    def seen(self) -> Seen:
        self.join(timeout=self._until_s + 10)
        digest = hashlib.sha256(self.got).hexdigest()[:12]
        return Seen(self.ending, len(self.got), digest, self.first_s, self.last_s, self.ended_s)


class Ends:
    """A connection whose `source` writes what the toxic of `stream` meets, and whose `sink` reads it."""

    def __init__(self, wire: Wire, upstream: Upstream, stream: Stream, *, number: int = 1) -> None:
        client = wire.connect()
        behind = upstream.wait_accepted(number)
        self.wire = wire
        self.stream = stream
        self.source, self.sink = (client, behind) if stream == "upstream" else (behind, client)
        self.began = time.monotonic()

    def watch(self, until_s: float) -> tuple[Watch, Watch]:
        """Source and sink."""
        return Watch(self.source, self.began, until_s), Watch(self.sink, self.began, until_s)

    def at(self, second: float) -> None:
        """Wait until so long after the beginning."""
        time.sleep(max(0.0, second - (time.monotonic() - self.began)))

    def send(self, data: bytes) -> None:
        """From the source; a connection that has ended meanwhile takes no more, which the ends tell anyway."""
        with contextlib.suppress(OSError):
            self.source.sendall(data)

    def __enter__(self) -> Ends:
        return self

    def __exit__(self, *_: object) -> None:
        for sock in (self.source, self.sink):
            sock.close()


@contextlib.contextmanager
def a_wire(server: Server, name: str) -> Iterator[tuple[Wire, Upstream]]:
    """A proxy of its own in front of an upstream that only accepts."""
    target = Upstream(silent)
    state = server.client.create(name, "127.0.0.1:0", target.address)
    try:
        yield Wire(server, name, int(state.listen.rpartition(":")[2])), target
    finally:
        target.close()
        server.request("DELETE", f"/proxies/{name}")
