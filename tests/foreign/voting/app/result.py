"""The page with the result: GET / asks the db, on a new connection each time."""

import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

import clients

HOST = urlsplit(os.environ["DATABASE_URL"]).hostname or "db"


class Page(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        try:
            status, body = 200, b"ok" if self.path == "/healthz" else clients.db(HOST).ask(b"count\n")
        except OSError as error:
            status, body = 503, str(error).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *words: object) -> None: ...


ThreadingHTTPServer(("", 80), Page).serve_forever()
