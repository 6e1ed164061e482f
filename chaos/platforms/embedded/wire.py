"""The supervisor's control socket: one JSON line a request, one an answer. Private by the folder that it is in."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import msgspec

from chaos.errors import Unavailable
from chaos.model.base import Noun, from_json, to_json
from chaos.model.lease import LEASE_TTL_S, Renewal
from chaos.model.platform import Instance

Verb = Literal[
    "status", "watch", "crash", "kill", "stop", "start", "restart", "pause", "unpause", "scale", "lease",
    "release", "down",
]  # fmt: skip


class Request(Noun):
    """`name` is an instance, or for `scale` a service, of which `count` shall run.

    `lease` makes or renews the lease `lease`, which lasts `ttl_s` from then on; `release` gives it back. `crash`,
    `kill`, `stop`, `restart` and `pause` under a lease are undone when it ends.
    `watch` is answered at once and again at each change, until the caller hangs up.
    """

    verb: Verb
    name: str = ""
    count: int = 0
    lease: str = ""
    ttl_s: float = LEASE_TTL_S


class Status(Noun):
    """One instance, with what there is to say about it. `late`: not ready within its time."""

    instance: Instance
    note: str = ""
    late: bool = False


class Answer(Noun):
    """`error` is empty when it was done. `unknown`: there is no such instance or service. `lease` is what became of
    one that was to be renewed."""

    error: str = ""
    unknown: bool = False
    lease: Renewal | None = None
    statuses: tuple[Status, ...] = ()


@contextlib.contextmanager
def short_address(path: Path) -> Iterator[str]:
    """The socket's address by way of its open folder: an address has at most 107 bytes, a path may have more."""
    folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)


def listening(path: Path) -> socket.socket:
    """A socket that listens at the path; whatever was there is replaced."""
    path.unlink(missing_ok=True)
    server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    with short_address(path) as address:
        server.bind(address)
    path.chmod(0o600)
    server.listen(64)
    server.setblocking(False)
    return server


class Connection:
    """A caller's end. Raises on making: OSError when nobody listens."""

    def __init__(self, path: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            with short_address(path) as address:
                self._socket.connect(address)
        except OSError:
            self._socket.close()
            raise
        self._buffer = b""

    def ask(self, request: Request) -> None:
        self._socket.settimeout(5)
        self._socket.sendall(to_json(request) + b"\n")

    def answer(self, within_s: float) -> Answer:
        """The next answer. Raises: TimeoutError; EOFError when the supervisor is gone; Unavailable: no sense in it."""
        self._socket.settimeout(within_s)
        while b"\n" not in self._buffer:
            try:
                chunk = self._socket.recv(1 << 16)
            except ConnectionError:
                chunk = b""
            if not chunk:
                raise EOFError("the supervisor hung up")
            self._buffer += chunk
        line, _, self._buffer = self._buffer.partition(b"\n")
        try:
            return from_json(line, Answer)
        except msgspec.MsgspecError as cause:
            raise Unavailable(f"the supervisor's answer makes no sense: {cause}") from cause

    def close(self) -> None:
        self._socket.close()
