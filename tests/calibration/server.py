"""A server whose faults are known to the millisecond: `python server.py PORT LOG`.

It answers at once, and queues as many connections as come. PUT /break makes it answer 503. After DELETE /break it goes
on with that for LAG_S, and LOG says until when, on CLOCK_MONOTONIC. GET /break is 200 while it was not deleted.
GET /answers lists when it answered `/`, on the same clock.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from pathlib import Path
from typing import ClassVar

LAG_S = 3.0


class Server(asyncio.Protocol):
    broken = False
    well_at_s = 0.0
    log = Path()
    answered_s: ClassVar[list[float]] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.pending = b""

    def data_received(self, data: bytes) -> None:
        self.pending += data
        while (end := self.pending.find(b"\r\n\r\n")) >= 0:
            head, self.pending = self.pending[:end], self.pending[end + 4 :]
            words = head.split(b" ", 2)
            status = self.answer(words[0], words[1])
            body = json.dumps(self.answered_s).encode() if words[1] == b"/answers" else b"ok"
            answer = b"HTTP/1.1 %s\r\nContent-Length: %d\r\n\r\n%s" % (status, len(body), body)
            self.transport.write(answer)  # type: ignore[attr-defined]
            if words[1] == b"/":
                self.answered_s.append(time.monotonic())

    @classmethod
    def answer(cls, method: bytes, path: bytes) -> bytes:
        if path != b"/break":
            return b"503 Service Unavailable" if cls.broken or time.monotonic() < cls.well_at_s else b"200 OK"
        if method == b"DELETE" and cls.broken:
            cls.well_at_s = time.monotonic() + LAG_S
            cls.log.write_text(repr(cls.well_at_s))
        if method in (b"PUT", b"DELETE"):
            cls.broken = method == b"PUT"
            return b"200 OK"
        return b"200 OK" if cls.broken else b"404 Not Found"


async def main(port: int, log: str) -> None:
    Server.log = Path(log)
    server = await asyncio.get_running_loop().create_server(Server, "127.0.0.1", port, backlog=4096)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), sys.argv[2]))
