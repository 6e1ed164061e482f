"""The voting app's database: PostgreSQL's first message (no TLS here), then lines: `vote a`, or `count`."""

import collections
import json
import socketserver

VOTES: collections.Counter[str] = collections.Counter()
HELLO_BYTES = 8  # SSLRequest


class Client(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        if len(self.rfile.read(HELLO_BYTES)) < HELLO_BYTES:
            return
        self.wfile.write(b"N")
        for line in self.rfile:
            words = line.decode().split()
            if words[:1] == ["vote"]:
                VOTES[words[1]] += 1
            self.wfile.write(json.dumps(VOTES).encode() + b"\n")


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = daemon_threads = True


Server(("", 5432), Client).serve_forever()
