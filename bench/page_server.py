"""A server that costs next to nothing, so that the generators are what is measured: `python -m bench.page_server PORT`.

It answers every request with one JSON page of 1 KB, and gives a cookie to whoever sends none.
"""

from __future__ import annotations

import asyncio
import sys

import uvloop

PAGE = b'{"id": 7, "name": "thing", "text": "' + b"x" * 960 + b'"}'
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nX-Instance: web-1\r\nContent-Length: %d\r\n" % len(PAGE)
KNOWN = HEAD + b"\r\n" + PAGE
NEW = HEAD + b"Set-Cookie: session=0123456789abcdef; Path=/; HttpOnly\r\n\r\n" + PAGE


class Page(asyncio.Protocol):
    """`GET /count` answers with how many other requests there have been."""

    answered = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.pending = b""

    def data_received(self, data: bytes) -> None:
        data = self.pending + data
        answers = []
        while (end := data.find(b"\r\n\r\n")) >= 0:
            head = data[:end].lower()
            at = head.find(b"content-length:")
            length = int(head[at + 15 :].partition(b"\r\n")[0]) if at >= 0 else 0
            if len(data) < end + 4 + length:
                break
            if head.startswith(b"get /count "):
                text = b"%d" % Page.answered
                answers.append(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(text), text))
            else:
                Page.answered += 1
                answers.append(KNOWN if b"\r\ncookie:" in head else NEW)
            data = data[end + 4 + length :]
        self.pending = data
        if answers:
            self.transport.write(b"".join(answers))  # type: ignore[attr-defined]


async def main(port: int) -> None:
    server = await asyncio.get_running_loop().create_server(Page, "127.0.0.1", port, backlog=4096)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1])))
