"""A shop with users of its own, for runs without traffic of ours: `front` asks `back` a hundred times a second, and
counts the answers and their times where a Prometheus scrapes them."""

from __future__ import annotations

import http.client
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from prometheus_client import Counter, Histogram, start_http_server

# Patient: a machine that is busy with other tests must not make them leave.
USERS, PAUSE_S, PATIENCE_S = 10, 0.1, 10.0

ANSWERS = Counter("users_answers_total", "answers to users", ["code", "variant"])
SECONDS = Histogram("users_seconds", "how long a user waited", buckets=(0.1, 0.5, 1.0, 5.0))


class Hello(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        pass


def user(back: str, variant: str) -> None:
    host, _, port = back.rpartition(":")
    for code in ("200", "500"):
        ANSWERS.labels(code, variant)  # a counter that is not there yet cannot be told from one that is misspelt
    while True:
        began_s = time.monotonic()
        code = "500"
        try:
            line = http.client.HTTPConnection(host, int(port), timeout=PATIENCE_S)
            line.request("GET", "/healthz")
            code = str(line.getresponse().status)
            line.close()
        except OSError:
            pass
        ANSWERS.labels(code, variant).inc()
        SECONDS.observe(time.monotonic() - began_s)
        time.sleep(max(0.0, began_s + PAUSE_S - time.monotonic()))


def main(role: str, port: str, *more: str) -> None:
    if role == "front":
        back, metrics, variant = more
        start_http_server(int(metrics), "127.0.0.1")
        for _ in range(USERS):
            threading.Thread(target=user, args=(back, variant), daemon=True).start()
    ThreadingHTTPServer(("127.0.0.1", int(port)), Hello).serve_forever()


if __name__ == "__main__":
    main(*sys.argv[1:])
