"""A port of this machine that leads into a container's network, over the engine's own connection.

For what cannot be dialled from here: the Toxiproxy API of an engine far away, which stays on that machine's loopback.
Each connection is a `socat` that our agent starts inside the container's network.
"""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import threading
from collections.abc import Callable
from typing import Any

from chaos.errors import Unavailable
from chaos.platforms.compose import agent, project
from chaos.platforms.compose.engine import INSIDE_VARIABLE, Engine

READ_BYTES = 65536


class Tunnel:
    """`address` is 127.0.0.1:port here. Lives as long as this process; its threads are daemons."""

    def __init__(self, engine: Engine, project: str, container: str, port: int) -> None:
        self._engine, self._project, self._container, self._port = engine, project, container, port
        self._server = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.address = f"127.0.0.1:{self._server.getsockname()[1]}"
        threading.Thread(target=self._serve, name=f"tunnel {port}", daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self._server.accept()
            except OSError:
                return
            threading.Thread(target=self._carry, args=(client,), name="tunnel connection", daemon=True).start()

    def _carry(self, client: socket.socket) -> None:
        """Both ways until either side ends. What cannot be reached is a connection that is closed at once."""
        with client, contextlib.suppress(Unavailable, OSError):
            found = project.inspect(self._engine, self._container)
            if found is None or not found.pid:
                return
            words = ["nsenter", "-t", str(found.pid), "-n", "socat", "-", f"TCP:127.0.0.1:{self._port}"]
            try:
                if os.environ.get(INSIDE_VARIABLE):
                    _by_process(client, words)
                else:
                    self._by_exec(client, words)
            finally:
                client.shutdown(socket.SHUT_RDWR)  # a thread that still reads from it reads its end

    def _by_exec(self, client: socket.socket, words: list[str]) -> None:
        from docker.utils.socket import frames_iter

        ours = agent.ensure(self._engine, self._project)
        with self._engine.calling("carry a connection") as docker:
            made = docker.api.exec_create(ours, words, stdin=True)
            stream = docker.api.exec_start(made["Id"], socket=True)
            raw: Any = getattr(stream, "_sock", stream)
            # The engine's answer may wait for the far side longer than a call may take.
            with contextlib.suppress(AttributeError):
                raw.settimeout(None)
            _pump(client.recv, raw.sendall, lambda: raw.shutdown(socket.SHUT_WR))
            with contextlib.closing(stream):
                for kind, data in frames_iter(stream, tty=False):
                    if kind == 1:
                        client.sendall(data)


def _by_process(client: socket.socket, words: list[str]) -> None:
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0) as relay:
        assert relay.stdin is not None
        assert relay.stdout is not None
        _pump(client.recv, relay.stdin.write, relay.stdin.close)
        try:
            while data := relay.stdout.read(READ_BYTES):
                client.sendall(data)
        finally:
            relay.kill()


def _pump(read: Callable[[int], bytes], write: Callable[[bytes], Any], end: Callable[[], None]) -> None:
    """Carry on one way in a thread of its own, and the end of it too: who has nothing more to say is gone, and nobody
    else would end what was started for it."""

    def run() -> None:
        with contextlib.suppress(OSError, ValueError):
            while data := read(READ_BYTES):
                write(data)
        with contextlib.suppress(OSError, ValueError):
            end()

    threading.Thread(target=run, name="tunnel upstream", daemon=True).start()


_tunnels: dict[tuple[str, str, int], Tunnel] = {}
_lock = threading.Lock()


def tunnel(engine: Engine, project: str, container: str, port: int) -> str:
    """host:port on this machine that leads to `127.0.0.1:port` inside the container's network; one a process."""
    key = (str(engine.endpoint), container, port)
    with _lock:
        if key not in _tunnels:
            _tunnels[key] = Tunnel(engine, project, container, port)
        return _tunnels[key].address
