"""A system with a fault that is switched by HTTP: PUT on, GET 200 while it is on, DELETE off, or 503 if stubborn."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class System:
    """`address` is where it listens; `broken` whether its fault is on, as it knows itself."""

    def __init__(self, *, stubborn: bool) -> None:
        self.broken = False
        system = self

        class Handler(BaseHTTPRequestHandler):
            def _say(self, status: int) -> None:
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def do_PUT(self) -> None:
                system.broken = True
                self._say(204)

            def do_DELETE(self) -> None:
                system.broken = system.broken and stubborn
                self._say(503 if stubborn else 204)

            def do_GET(self) -> None:
                # `/alive` is what a hypothesis asks that does not see the fault.
                self._say(200 if system.broken or self.path == "/alive" else 404)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class Switch:
    """The same of a service of the small shop, `/switch` of its edge."""

    def __init__(self, address: str) -> None:
        self.address = address

    @property
    def broken(self) -> bool:
        connection = http.client.HTTPConnection(self.address, timeout=2)
        try:
            connection.request("GET", "/switch")
            return connection.getresponse().status == 200
        finally:
            connection.close()


@contextmanager
def system(*, stubborn: bool = False) -> Iterator[System]:
    running = System(stubborn=stubborn)
    try:
        yield running
    finally:
        running.close()
