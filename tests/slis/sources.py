"""Real sources to read from: an HTTP server with metrics, and how conditions and instances are written."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from chaos.model.journal import Sample
from chaos.model.objective import Condition, Op
from chaos.model.platform import Instance, Inventory
from chaos.model.sli import Shape, Sli, Source

Answer = Callable[[], tuple[int, bytes]]


class Web:
    """A server on loopback; `pages` maps a path to what makes the answer."""

    def __init__(self, **pages: Answer) -> None:
        self.pages = {f"/{name}": page for name, page in pages.items()}
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                page = outer.pages.get(self.path)
                status, body = (404, b"") if page is None else page()
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.address = f"127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


class Heard:
    """What a sampler has said."""

    def __init__(self) -> None:
        self.samples: list[Sample] = []
        self.errors: list[tuple[str, str]] = []

    def on_error(self, sli: str, error: str) -> None:
        self.errors.append((sli, error))

    def wait(self, what: Callable[[], bool], timeout_s: float = 20.0) -> None:
        until_s = time.monotonic() + timeout_s
        while not what():
            assert time.monotonic() < until_s, f"it did not happen: {self.samples[-3:]} {self.errors[-3:]}"
            time.sleep(0.02)


def instance(name: str, address: str, state: str = "running") -> Instance:
    return Instance(name=name, service=name.rpartition("-")[0] or name, state=state, address=address)


def inventory(*instances: Instance, sql: dict[str, str] | None = None) -> Inventory:
    return Inventory(
        platform="test", endpoint="here", variant="default", instances={i.name: i for i in instances}, proxies={},
        sql=sql or {},
    )  # fmt: skip


HITS = Sli(
    name="cache-hits", source=Source.PROMETHEUS, shape=Shape.COUNTER_RATIO, service="web",
    good='cache_requests_total{result="hit"}', total="cache_requests_total",
)  # fmt: skip
QUERY = Sli(
    name="db-query", source=Source.PROMETHEUS, shape=Shape.HISTOGRAM, service="web", histogram="db_query_seconds"
)
ENOUGH_HITS = Condition(
    text="cache-hits >= 80%", sli="cache-hits", source=Source.PROMETHEUS, shape=Shape.COUNTER_RATIO, op=Op.GE,
    threshold=0.8, budget=0.2,
)  # fmt: skip


def quick(threshold: str, seconds: float) -> Condition:
    return Condition(
        text=f"db-query.p95 < {threshold}", sli="db-query.p95", source=Source.PROMETHEUS, shape=Shape.HISTOGRAM,
        op=Op.LT, threshold=seconds, budget=0.05, percentile=95.0,
    )  # fmt: skip


def gauge(sli: Sli) -> Condition:
    return Condition(
        text=f"{sli.name} >= 1", sli=sli.name, source=sli.source, shape=Shape.GAUGE, op=Op.GE, threshold=1, budget=0
    )
