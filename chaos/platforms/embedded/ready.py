"""Is a service ready? One check a protocol; each is one real exchange with the service, past the proxies."""

from __future__ import annotations

import asyncio
import contextlib

from chaos.model.target import Ready

LIMIT_S = 1.0


async def is_ready(ready: Ready, port: int, *, limit_s: float = LIMIT_S) -> bool:
    """One try, of at most `limit_s`. Never raises for a service that is not ready."""
    try:
        async with asyncio.timeout(limit_s):
            if ready.http is not None:
                return await _http(port, ready.http)
            if ready.postgres is not None:
                return await _postgres(port, ready.postgres)
            if ready.redis:
                return await _redis(port)
            return await _tcp(port)
    except (OSError, TimeoutError, EOFError, ValueError):
        return False


async def _tcp(port: int) -> bool:
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.close()
    return True


async def _http(port: int, path: str) -> bool:
    """A status below 400."""
    request = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUser-Agent: saleproof\r\nConnection: close\r\n\r\n"
    line = await _exchange(port, request.encode())
    version, status = line.split(maxsplit=2)[:2]
    return version.startswith(b"HTTP/") and int(status) < 400


async def _redis(port: int) -> bool:
    """`PONG`, or a server that wants a password first; not one that is loading its data."""
    line = await _exchange(port, b"PING\r\n")
    return line.startswith((b"+PONG", b"-NOAUTH"))


async def _exchange(port: int, request: bytes) -> bytes:
    """The first line of the answer."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(request)
        return await reader.readline()
    finally:
        writer.close()


async def _postgres(port: int, rest: str) -> bool:
    """A query is answered: a replica that is still starting up refuses the connection."""
    # libpq takes a while to load and to say what a closed port says at once.
    if not await _tcp(port):
        return False
    import psycopg

    with contextlib.suppress(psycopg.Error):
        connection = await psycopg.AsyncConnection.connect(f"postgresql://127.0.0.1:{port}{rest}", autocommit=True)
        try:
            await connection.execute("SELECT 1")
        finally:
            await connection.close()
        return True
    return False
