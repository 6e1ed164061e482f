"""`docker exec`, with an end. The SDK waits for a command's output without any limit of its own: an engine that hangs,
or a network that is cut, would hold whoever asked for ever; and so does Docker 20.10 when the container is killed in
which the command runs, if that shares the machine's processes."""

from __future__ import annotations

import contextlib
import socket
import threading
from typing import Any

from chaos.errors import Unavailable
from chaos.platforms.compose.engine import Engine

# Most commands are over before the first look.
LOOK_EVERY_S = 0.5


def output(engine: Engine, container: str, exec_id: str, within_s: float) -> tuple[str, str]:
    """Start a command that was made by `exec_create` in that container: its stdout and stderr, once both have ended.

    Raises: Unavailable when they do not within that, or when the container ends; the SDK's own errors, for
    `Engine.calling`.
    """
    from docker.utils.socket import consume_socket_output, demux_adaptor, frames_iter

    stream = engine.client.api.exec_start(exec_id, socket=True)
    late, gone, ended = threading.Event(), threading.Event(), threading.Event()
    timer = threading.Timer(within_s, _cut, (stream, late))
    timer.daemon = True
    timer.start()
    threading.Thread(target=_watch, args=(engine, container, stream, gone, ended), daemon=True).start()
    try:
        frames = (demux_adaptor(*frame) for frame in frames_iter(stream, tty=False))
        out, err = consume_socket_output(frames, demux=True)
    finally:
        ended.set()
        timer.cancel()
        # The whole connection, which nobody may use again: it has become this command's.
        getattr(stream, "_response", stream).close()
    if late.is_set():
        raise Unavailable(f"the Docker engine at {engine.endpoint} did not answer within {within_s:g} s")
    if gone.is_set():
        raise Unavailable("the container ended in which it was done")
    return (out or b"").decode(errors="replace"), (err or b"").decode(errors="replace")


def _watch(engine: Engine, container: str, stream: Any, gone: threading.Event, ended: threading.Event) -> None:
    """Cut the stream when the container ends. An engine that does not answer is for the timer."""
    from docker.errors import APIError

    while not ended.wait(LOOK_EVERY_S):
        with contextlib.suppress(Exception):
            try:
                runs = bool(engine.client.api.inspect_container(container)["State"]["Running"])
            except APIError as cause:
                runs = cause.status_code != 404
            if not runs:
                _cut(stream, gone)
                return


def _cut(stream: Any, late: threading.Event) -> None:
    """Whoever reads from it reads its end."""
    late.set()
    with contextlib.suppress(OSError):
        getattr(stream, "_sock", stream).shutdown(socket.SHUT_RDWR)
