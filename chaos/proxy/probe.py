"""Round trips through a link, to see what a fault does to it. Blocking sockets, one connection a probe.

    round_trip   the smallest exchange of the link's protocol: seconds, or an error that tells how it failed
    exchange     an exchange of about so many bytes one way, and everything that was seen of it
    close_s      how long the other side takes to close after we did

Times are taken after the connect, since a proxy connects at once whatever is behind it. For `tcp`, of which no request
is known, a round trip is the connect, and then whether the server leaves within 200 ms: latency is not seen by it.
"""

from __future__ import annotations

import contextlib
import selectors
import socket
from dataclasses import dataclass
from time import monotonic
from typing import Literal

from chaos.errors import Unavailable
from chaos.proxy.dialects import Conversation, Unexpected, conversation
from chaos.proxy.values import Stream

Outcome = Literal["answered", "refused", "timeout", "reset", "closed", "unexpected"]

DEFAULT_PATH = "/healthz"
READ_BYTES = 256 * 1024
TCP_LISTEN_S = 0.2


class ProbeError(Unavailable):
    """A probe did not get its answer. `exchange` is what was seen."""

    def __init__(self, message: str, exchange: Exchange) -> None:
        super().__init__(message)
        self.exchange = exchange


class ProbeRefused(ProbeError):
    """Nobody listens there."""


class ProbeTimeout(ProbeError):
    """No answer in time: not to the connect, or not to the request."""


class ProbeReset(ProbeError):
    """The connection was reset."""


class ProbeClosed(ProbeError):
    """The connection was closed before the answer was complete. A dead upstream behind a proxy looks like that."""


class ProbeUnexpected(ProbeError):
    """The answer is not of the protocol."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Exchange:
    """What was seen of one exchange. `elapsed_s` is from the first byte sent to the outcome."""

    outcome: Outcome
    elapsed_s: float
    connect_s: float = 0.0
    first_byte_s: float | None = None
    sent_bytes: int = 0
    received_bytes: int = 0
    reads: int = 0
    says: str = ""


_ERRORS: dict[str, type[ProbeError]] = {
    "refused": ProbeRefused,
    "timeout": ProbeTimeout,
    "reset": ProbeReset,
    "closed": ProbeClosed,
    "unexpected": ProbeUnexpected,
}


def round_trip(address: str, protocol: str, *, timeout_s: float, path: str = DEFAULT_PATH) -> float:
    """Seconds from a request to its complete answer; for tcp, of the connect.

    Raises: ProbeRefused, ProbeTimeout, ProbeReset, ProbeClosed, ProbeUnexpected; ValueError for bad arguments.
    """
    seen = exchange(address, protocol, timeout_s=timeout_s, path=path)
    if seen.outcome == "answered":
        return seen.elapsed_s
    ways = {
        "refused": "refused the connection",
        "timeout": f"did not answer within {timeout_s:g} s",
        "reset": "reset the connection",
        "closed": "closed the connection before it answered",
        "unexpected": f"does not speak {protocol}",
    }
    detail = f" ({seen.says})" if seen.says else ""
    raise _ERRORS[seen.outcome](f"{address} {ways[seen.outcome]}{detail}", seen)


def exchange(
    address: str,
    protocol: str,
    *,
    size_bytes: int = 0,
    stream: Stream = "downstream",
    timeout_s: float,
    path: str = DEFAULT_PATH,
) -> Exchange:
    """One exchange of at least about `size_bytes` in a direction. Never raises for what the network does.

    Raises: ValueError for a bad address or protocol.
    """
    host, port = split(address)
    talk = conversation(protocol, host=address, path=path, size_bytes=size_bytes, stream=stream)
    started = monotonic()
    deadline = started + timeout_s
    try:
        sock = socket.create_connection((host, port), timeout=timeout_s)
    except (TimeoutError, OSError) as error:
        return Exchange(outcome=_outcome(error), elapsed_s=monotonic() - started, says=str(error))
    with sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connect_s = monotonic() - started
        if protocol == "tcp":
            return _listen(sock, connect_s, min(deadline, monotonic() + TCP_LISTEN_S))
        return _talk(sock, talk, connect_s, deadline)


def close_s(address: str, *, timeout_s: float) -> float:
    """Seconds from our half-close to the other side's close. Through a fault proxy it is the proxy that closes.

    A reset counts as a close. Raises: ProbeRefused, ProbeTimeout.
    """
    host, port = split(address)
    started = monotonic()
    try:
        with socket.create_connection((host, port), timeout=timeout_s) as sock:
            started = monotonic()
            sock.shutdown(socket.SHUT_WR)
            while True:
                sock.settimeout(max(0.001, started + timeout_s - monotonic()))
                if not sock.recv(READ_BYTES):
                    return monotonic() - started
    except OSError as error:
        outcome = _outcome(error)
        elapsed_s = monotonic() - started
        if outcome in ("reset", "closed"):
            return elapsed_s
        seen = Exchange(outcome=outcome, elapsed_s=elapsed_s, says=str(error))
        raise _ERRORS[outcome](f"{address} did not close within {timeout_s:g} s: {error}", seen) from error


def split(address: str) -> tuple[str, int]:
    """Host and port. Raises: ValueError."""
    host, colon, port = address.rpartition(":")
    if not colon or not port.isdigit():
        raise ValueError(f"{address!r} is not an address; write host:port")
    return host.strip("[]") or "127.0.0.1", int(port)


def _outcome(error: OSError) -> Outcome:
    if isinstance(error, ConnectionRefusedError):
        return "refused"
    if isinstance(error, TimeoutError):
        return "timeout"
    if isinstance(error, ConnectionResetError):
        return "reset"
    # EPIPE: closed while we were still sending. Anything else (no route, no such name) is nobody to talk to.
    return "closed" if isinstance(error, BrokenPipeError) else "refused"


def _listen(sock: socket.socket, connect_s: float, deadline: float) -> Exchange:
    """Say nothing, and see whether the other side speaks or leaves."""
    sock.settimeout(max(0.001, deadline - monotonic()))
    received = 0
    outcome: Outcome = "answered"
    try:
        received = len(sock.recv(READ_BYTES))
        outcome = "answered" if received else "closed"
    except OSError as error:
        outcome = "answered" if isinstance(error, TimeoutError) else _outcome(error)
    return Exchange(outcome=outcome, elapsed_s=connect_s, connect_s=connect_s, received_bytes=received)


def _talk(sock: socket.socket, talk: Conversation, connect_s: float, deadline: float) -> Exchange:
    """Send and receive at the same time, for either may have to wait for the other."""
    sock.setblocking(False)
    started = monotonic()
    sent = received = reads = 0
    first_byte_s: float | None = None
    unsent = b""
    outcome: Outcome = "answered"
    says = ""
    with selectors.DefaultSelector() as selector:
        selector.register(sock, selectors.EVENT_READ)
        try:
            while not talk.done():
                unsent = unsent or talk.next() or b""
                if unsent:
                    with contextlib.suppress(BlockingIOError):
                        count = sock.send(unsent)
                        sent += count
                        unsent = unsent[count:]
                        if not unsent:
                            continue
                selector.modify(sock, selectors.EVENT_READ | (selectors.EVENT_WRITE if unsent else 0))
                if not selector.select(max(0.0, deadline - monotonic())):
                    outcome = "timeout"
                    break
                with contextlib.suppress(BlockingIOError):
                    data = sock.recv(READ_BYTES)
                    if not data:
                        outcome = "closed"
                        break
                    reads += 1
                    received += len(data)
                    if first_byte_s is None:
                        first_byte_s = monotonic() - started
                    talk.feed(data)
        except Unexpected as error:
            outcome, says = "unexpected", str(error)
        except OSError as error:
            outcome, says = _outcome(error), str(error)
    return Exchange(
        outcome=outcome,
        elapsed_s=monotonic() - started,
        connect_s=connect_s,
        first_byte_s=first_byte_s,
        sent_bytes=sent,
        received_bytes=received,
        reads=reads,
        says=says,
    )
