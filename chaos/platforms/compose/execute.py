"""`docker exec`, with an end. The SDK waits for a command's output without any limit of its own: an engine that hangs,
or a network that is cut, would hold whoever asked for ever; and so does Docker 20.10 when the container is killed in
which the command runs, if that shares the machine's processes."""

from __future__ import annotations

import contextlib
import json
import secrets
import socket
import threading
import time
from collections.abc import Callable
from typing import Any

from chaos.errors import Unavailable
from chaos.platforms.compose.engine import Engine

Run = Callable[[list[str]], tuple[int, str, str]]  # words -> exit code, stdout, stderr

EXIT_WITHIN_S = 5.0
EXIT_LOOK_S = 0.02
TIMED_OUT = 124  # `timeout`'s own exit code
KEPT = "/run/saleproof/answers"  # as in chaos.agent
# Docker 20.10 loses the whole output of a command in some 150.
ASK_AGAIN = 5
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


def finish(engine: Engine, container: str, exec_id: str, within_s: float) -> tuple[int, str, str]:
    """Start a command and see it through: its exit code, stdout and stderr.

    Raises: Unavailable, also when it goes on though its output has ended; the SDK's own errors.
    """
    out, err = output(engine, container, exec_id, within_s)
    # Its output may end a moment before it does.
    until_s = time.monotonic() + EXIT_WITHIN_S
    while (code := engine.client.api.exec_inspect(exec_id)["ExitCode"]) is None:
        if time.monotonic() > until_s:
            raise Unavailable("a command in a container of ours does not end")
        time.sleep(EXIT_LOOK_S)
    return int(code), out, err


def ask(run: Run, who: str, verb: str, arguments: dict[str, Any], within_s: float) -> dict[str, Any]:
    """Let `chaos.agent` do a verb, which takes so long at most: its answer, a `result` or an `error`. It is done once,
    though the engine may lose what it printed: it is kept there under a name, and asked for again by that.

    Raises: Unavailable when there is no answer.
    """
    name = secrets.token_hex(8)
    limit = ["timeout", f"{within_s:g}"]  # `docker exec` ignores the client's: the work is limited where it is done
    code, out, err = run([*limit, "python3", "-m", "chaos.agent", verb, json.dumps(arguments), name])
    if code == TIMED_OUT:
        raise Unavailable(f"{verb}: {who} did not finish within {within_s:g} s")
    for _ in range(ASK_AGAIN):
        if code or out:
            break
        code, out, err = run(["cat", f"{KEPT}/{name}"])
    try:
        answer: dict[str, Any] = json.loads(out)
    except ValueError:
        last = (err or out).strip().splitlines()[-1:] or ["it said nothing"]
        raise Unavailable(f"{verb}: {who} failed: {last[0]}") from None
    return answer
