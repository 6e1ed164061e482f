"""The page where people vote: POST /vote?for=a puts the vote into redis; GET / asks redis whether it is there."""

import os
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import clients

HELD = clients.redis(os.environ["REDIS_HOST"])  # one that is open from the first moment on, like a pool's
HELD.ask(b"PING\r\n")


class Page(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        if self.path == "/healthz":
            return self.say(200, b"ok")
        if self.path == "/tally":
            return self.tally()
        how = HELD if self.path == "/held" else clients.redis(os.environ["REDIS_HOST"])
        try:
            return self.say(200, how.ask(b"PING\r\n"))
        except OSError as error:
            return self.say(503, str(error).encode())

    def tally(self) -> None:
        """What the provider outside says."""
        try:
            with urllib.request.urlopen(os.environ["TALLY_URL"], timeout=5) as answer:
                self.say(200, answer.read())
        except OSError as error:
            self.say(503, str(error).encode())

    def do_POST(self) -> None:
        vote = parse_qs(urlsplit(self.path).query).get("for", ["?"])[0].encode()
        request = b"*3\r\n$5\r\nRPUSH\r\n$5\r\nvotes\r\n$%d\r\n%s\r\n" % (len(vote), vote)
        try:
            self.say(202, clients.redis(os.environ["REDIS_HOST"]).ask(request))
        except OSError as error:
            self.say(503, str(error).encode())

    def say(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *words: object) -> None: ...


ThreadingHTTPServer(("", 80), Page).serve_forever()
