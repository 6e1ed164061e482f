"""`docker exec`, with an end. The SDK waits for a command's output without any limit of its own: an engine that hangs,
or a network that is cut, would hold whoever asked for ever."""

from __future__ import annotations

import contextlib
import socket
import threading
from typing import Any

from chaos.errors import Unavailable
from chaos.platforms.compose.engine import Engine


def output(engine: Engine, exec_id: str, within_s: float) -> tuple[str, str]:
    """Start a command that was made by `exec_create`: its stdout and stderr, once both have ended.

    Raises: Unavailable when they do not within that; the SDK's own errors, for `Engine.calling`.
    """
    from docker.utils.socket import consume_socket_output, demux_adaptor, frames_iter

    stream = engine.client.api.exec_start(exec_id, socket=True)
    late = threading.Event()
    timer = threading.Timer(within_s, _cut, (stream, late))
    timer.daemon = True
    timer.start()
    try:
        frames = (demux_adaptor(*frame) for frame in frames_iter(stream, tty=False))
        out, err = consume_socket_output(frames, demux=True)
    finally:
        timer.cancel()
        # The whole connection, which nobody may use again: it has become this command's.
        getattr(stream, "_response", stream).close()
    if late.is_set():
        raise Unavailable(f"the Docker engine at {engine.endpoint} did not answer within {within_s:g} s")
    return (out or b"").decode(errors="replace"), (err or b"").decode(errors="replace")


def _cut(stream: Any, late: threading.Event) -> None:
    """Whoever reads from it reads its end."""
    late.set()
    with contextlib.suppress(OSError):
        getattr(stream, "_sock", stream).shutdown(socket.SHUT_RDWR)
