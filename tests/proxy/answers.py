"""What a server answers to one call, without what may differ: alike from ours and from Shopify's, or a test fails."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import random
import re
import socket
from collections.abc import Iterator
from typing import Any, NamedTuple

# Go listens here with a wildcard, ours at home (a deviation in docs/fault-proxy.md); the ports are the servers' own.
ADDRESS = re.compile(r'("listen":"|listen tcp )(\[::\]|127\.0\.0\.1):(?!0\b)\d+')
# Go names the resolver that it asked.
LOOKUP = re.compile(r"(lookup \S+) on \S+:")
# The words after it are those of each server's own JSON parser.
BAD_BODY = re.compile(r'("error":"bad request body: )(?:[^"\\]|\\.)*"')

# `Allow` (RFC 9110 wants it with a 405; Toxiproxy leaves it out), `Date` and the length may differ.
COMPARED = ("content-type", "x-content-type-options")


class Call(NamedTuple):
    """One request. A text body goes as it is, anything else but bytes and None as JSON."""

    method: str
    path: str
    body: Any = None
    headers: dict[str, str] = {}

    def payload(self) -> bytes | None:
        if self.body is None or isinstance(self.body, bytes):
            return self.body
        return (self.body if isinstance(self.body, str) else json.dumps(self.body)).encode()


class Answer(NamedTuple):
    """What is compared."""

    status: int
    headers: dict[str, str]
    has_request_id: bool
    body: Any


def answer(server: Any, call: Call, port: int = 0) -> Answer:
    """Make the call. `PORT` in its body becomes `port`, which is shown as `PORT` again in the answer."""
    sent = call.payload()
    if sent is not None:
        sent = sent.replace(b"PORT", str(port).encode())
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)) as connection:
        connection.request(call.method, call.path, body=sent, headers=call.headers)
        response = connection.getresponse()
        text = response.read().decode()
        got = {name: response.headers[name] for name in COMPARED if name in response.headers}
        request_id = response.headers.get("X-Toxiproxy-Request-Id", "")
        assert not request_id or re.fullmatch(r"[0-9a-v]{20}", request_id)
        return Answer(response.status, got, bool(request_id), _plain(text, port))


def _plain(text: str, port: int) -> Any:
    if port:
        text = re.sub(rf":{port}\b", ":PORT", text)
    text = ADDRESS.sub(r"\1HOME:*", text.replace(',"Logger":{}', "").replace("[::]:PORT", "127.0.0.1:PORT"))
    text = BAD_BODY.sub(r'\1"', LOOKUP.sub(r"\1:", text))
    try:
        return json.loads(text)
    except ValueError:
        return text


def free_ports(count: int) -> list[int]:
    """Ports that nobody has, below those that the kernel gives to clients: a stopped proxy finds its own again."""
    chance = random.Random(os.urandom(8))
    found: list[int] = []
    while len(found) < count:
        port = chance.randrange(10_000, 32_000)
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            found.append(port)
    return found


@contextlib.contextmanager
def without_proxies(*servers: Any) -> Iterator[None]:
    """Whatever is made meanwhile is gone afterwards."""
    before = [set(server.client.proxies()) for server in servers]
    try:
        yield
    finally:
        for server, kept in zip(servers, before, strict=True):
            for name in set(server.client.proxies()) - kept:
                server.client.delete(name)
