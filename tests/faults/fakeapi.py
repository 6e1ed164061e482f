"""A fault proxy that is not to be trusted: it speaks the API, and what it lists does nothing, or never goes away."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace
from typing import Any
from urllib.parse import unquote

from chaos.model.platform import Proxy
from chaos.model.target import Link


class FakeApi:
    """One proxy whose `listen` is the upstream itself, so no toxic can ever bite. `mode` is changed by the test:
    `lies` obeys and lists, `keeps` answers 204 to a DELETE and keeps the toxic, `fails` answers 503, `hangs` does not.
    """

    def __init__(self, name: str, upstream: str, protocol: str) -> None:
        self.mode = "lies"
        self.state: dict[str, Any] = {
            "name": name, "listen": upstream, "upstream": upstream, "enabled": True, "toxics": []
        }  # fmt: skip
        client, _, server = name.partition(" -> ")
        link = Link(source=client, dest=server, protocol=protocol, path="/healthz")  # type: ignore[arg-type]
        self.proxy = Proxy(name=name, client=client, server=server, link=link, listen=upstream, upstream=upstream)
        self.address = ""

    def platform(self) -> Any:
        return SimpleNamespace(proxy=lambda name: self.proxy, proxy_api=self.address)

    def answer(self, method: str, path: str, body: dict[str, Any]) -> tuple[int, Any]:
        parts = [unquote(part) for part in path.strip("/").split("/")]
        if self.mode == "hangs":
            time.sleep(5)
        if self.mode in ("fails", "hangs"):
            return 503, {"error": "timeout", "status": 503}
        if len(parts) == 2:
            if method == "POST":
                self.state["enabled"] = body.get("enabled", True)
            return 200, self.state
        toxics: list[dict[str, Any]] = self.state["toxics"]
        if method == "POST":
            toxics.append(body)
            return 200, body
        found = [toxic for toxic in toxics if toxic["name"] == parts[3]]
        if not found:
            return 404, {"error": "toxic not found", "status": 404}
        if method == "DELETE" and self.mode != "keeps":
            toxics.remove(found[0])
        return (204, None) if method == "DELETE" else (200, found[0])


@contextmanager
def serving(fake: FakeApi) -> Iterator[FakeApi]:
    class Handler(BaseHTTPRequestHandler):
        def _do(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length)) if length else {}
            status, value = fake.answer(self.command, self.path, body)
            self.send_response(status)
            content = b"" if value is None else json.dumps(value).encode()
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_DELETE = do_PATCH = _do

        def log_message(self, format: str, *args: object) -> None: ...

    class Server(ThreadingHTTPServer):
        def handle_error(self, request: object, client_address: object) -> None:
            """A client that did not wait for a hanging answer."""

    server = Server(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    fake.address = f"127.0.0.1:{server.server_address[1]}"
    try:
        yield fake
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)
