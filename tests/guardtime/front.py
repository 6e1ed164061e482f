"""What customers of the guard's stopwatch ask: answers with what the web server behind the link says, and 502 when that
says nothing. Standard library alone: it runs in containers too.

python front.py PORT UPSTREAM [HOST]
"""

from __future__ import annotations

import asyncio
import sys

ASK = b"GET / HTTP/1.1\r\nHost: web\r\nConnection: close\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok\n"
BAD = b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 4\r\n\r\nbad\n"
PATIENCE_S = 8.0


async def behind(host: str, port: str) -> bytes:
    try:
        async with asyncio.timeout(PATIENCE_S):
            reader, writer = await asyncio.open_connection(host, int(port))
            try:
                writer.write(ASK)
                line = await reader.readline()
                return OK if b" 200 " in line else BAD
            finally:
                writer.close()
    except (OSError, TimeoutError):
        return BAD


async def serve(port: str, upstream: str, host: str = "127.0.0.1") -> None:
    address = upstream.split(",")[0].rpartition(":")

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                own = head.split(b" ", 2)[1] != b"/"  # its health is its own
                writer.write(OK if own else await behind(address[0], address[2]))
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    async with await asyncio.start_server(answer, host, int(port)) as server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(*sys.argv[1:]))
