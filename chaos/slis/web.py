"""One HTTP GET with a limit on its whole duration, as all sources need it."""

from __future__ import annotations

import http.client
import socket
import time

from chaos.errors import Unavailable

# A page of metrics has a few hundred kilobytes at most; more is not one.
BYTES_MAX = 32 * 1024 * 1024


class NotReached(Unavailable):
    """Nobody answered: refused, reset or too slow. What was to be read may still be read later."""


def get(address: str, path: str, timeout_s: float, accept: str) -> tuple[int, bytes]:
    """Status and body from `host:port`. Raises: NotReached; Unavailable for an answer that is not HTTP."""
    host, _, port = address.rpartition(":")
    deadline_s = time.monotonic() + timeout_s
    connection = http.client.HTTPConnection(host.strip("[]"), int(port), timeout=timeout_s)
    try:
        connection.request("GET", path, headers={"Accept": accept, "User-Agent": "saleproof", "Connection": "close"})
        answer = connection.getresponse()
        return answer.status, _whole(answer, deadline_s)
    except TimeoutError as cause:
        raise NotReached(f"http://{address}{path}: no answer within {timeout_s:g} s") from cause
    except (ConnectionError, socket.gaierror, http.client.RemoteDisconnected, http.client.IncompleteRead) as cause:
        raise NotReached(f"http://{address}{path}: {cause or type(cause).__name__}") from cause
    except (http.client.HTTPException, OSError) as cause:
        raise Unavailable(f"http://{address}{path}: {cause or type(cause).__name__}") from cause
    finally:
        connection.close()


def _whole(answer: http.client.HTTPResponse, deadline_s: float) -> bytes:
    """The body. Raises: TimeoutError, HTTPException."""
    parts, size = [], 0
    # The connection's timeout is for each read; a server that drips must not hold the reader for ever.
    while part := answer.read1(1 << 16):
        parts.append(part)
        size += len(part)
        if time.monotonic() > deadline_s:
            raise TimeoutError
        if size > BYTES_MAX:
            raise http.client.HTTPException(f"more than {BYTES_MAX} bytes")
    if answer.length:  # `read1` does not say so itself
        raise http.client.IncompleteRead(b"", answer.length)
    return b"".join(parts)
