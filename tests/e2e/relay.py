"""A socket before the Docker engine's own: it can be frozen (nothing is carried any more) and cut (nobody listens)."""

from __future__ import annotations

import contextlib
import socket
import threading
from pathlib import Path

READ_BYTES = 65536


class Relay:
    """`host` is its DOCKER_HOST. Carries from the start; `thaw` and `listen` put it back."""

    def __init__(self, path: Path, engine: str) -> None:
        self.host = f"unix://{path}"
        self._path, self._engine = path, engine.removeprefix("unix://")
        self._flows = threading.Event()
        self._flows.set()
        self._server: socket.socket | None = None
        self._open: set[socket.socket] = set()
        self.listen()

    def listen(self) -> None:
        self._path.unlink(missing_ok=True)
        self._server = socket.socket(socket.AF_UNIX)
        self._server.bind(str(self._path))
        self._server.listen(64)
        threading.Thread(target=self._accept, args=(self._server,), daemon=True).start()

    def freeze(self) -> None:
        """As an engine that hangs: connections are accepted, and nothing comes."""
        self._flows.clear()

    def thaw(self) -> None:
        self._flows.set()

    def cut(self) -> None:
        """As an engine that is gone: open connections end, new ones are refused."""
        assert self._server is not None
        self._path.unlink()
        for one in (self._server, *list(self._open)):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def _accept(self, server: socket.socket) -> None:
        while True:
            try:
                client, _ = server.accept()
            except OSError:
                return
            engine = socket.socket(socket.AF_UNIX)
            engine.connect(self._engine)
            self._open |= {client, engine}
            for source, sink in ((client, engine), (engine, client)):
                threading.Thread(target=self._carry, args=(source, sink), daemon=True).start()

    def _carry(self, source: socket.socket, sink: socket.socket) -> None:
        """One way, until it ends; the other way may go on, as in an answer to a request that is over."""
        with contextlib.suppress(OSError):
            while data := source.recv(READ_BYTES):
                self._flows.wait()
                sink.sendall(data)
        with contextlib.suppress(OSError):
            sink.shutdown(socket.SHUT_WR)
