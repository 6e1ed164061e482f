"""A server that answers as a test tells it to, where a Prometheus is expected."""

from __future__ import annotations

import json
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from chaos.slis.access import Access

Points = list[tuple[float, float]]


def said(result: list[dict[str, Any]], kind: str = "matrix", **more: Any) -> bytes:
    return json.dumps({"status": "success", "data": {"resultType": kind, "result": result}} | more).encode()


def matrix(*series: tuple[dict[str, str], Points], **more: Any) -> bytes:
    """Raw samples, as `query` answers a range selector."""
    return said(
        [{"metric": labels, "values": [[at_s, f"{value:g}"] for at_s, value in points]} for labels, points in series],
        **more,
    )


def vector(*values: str, at_s: float | None = None, **more: Any) -> bytes:
    now_s = time.time() if at_s is None else at_s
    return said([{"metric": {"n": str(n)}, "value": [now_s, v]} for n, v in enumerate(values)], "vector", **more)


@dataclass
class Fake:
    """`answer(query)` gives the body, or status and body; `time()` is answered by itself, `clock_s` ahead."""

    answer: Callable[[str], bytes | tuple[int, bytes]] = lambda _: matrix()
    clock_s: float = 0.0
    headers: dict[str, str] = field(default_factory=dict)  # of the answer
    asked: list[tuple[str, dict[str, str], dict[str, str]]] = field(default_factory=list)  # path, parameters, headers
    url: str = ""
    drip_s: float = 0.0  # between two bytes of an answer
    lost: int = 0  # so many bytes of it are promised and never sent

    def access(self, **more: Any) -> Access:
        return Access(url=self.url, **{"timeout_s": 2.0, **more})

    def now_s(self) -> float:
        return time.time() + self.clock_s


@contextmanager
def fake(
    answer: Callable[[str], bytes | tuple[int, bytes]] | None = None, context: ssl.SSLContext | None = None
) -> Iterator[Fake]:
    told = Fake() if answer is None else Fake(answer=answer)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            parameters = {name: values[0] for name, values in parse_qs(parts.query).items()}
            told.asked.append((parts.path, parameters, dict(self.headers)))
            query = parameters.get("query", "")
            now_s = told.now_s()
            clock = json.dumps({"status": "success", "data": {"resultType": "scalar", "result": [now_s, f"{now_s}"]}})
            found = clock.encode() if query == "time()" else told.answer(query)
            status, body = found if isinstance(found, tuple) else (200, found)
            self.send_response(status)
            for name, value in told.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body) + told.lost))
            self.end_headers()
            with suppress(OSError):
                for part in [body] if not told.drip_s else [body[n : n + 1] for n in range(len(body))]:
                    self.wfile.write(part)
                    time.sleep(told.drip_s)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    told.url = f"http{'' if context is None else 's'}://127.0.0.1:{server.server_address[1]}"
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield told
    finally:
        server.shutdown()
        server.server_close()
