"""Ours against Shopify's on the wire: the same bytes, random but seeded, come back the same way."""

from __future__ import annotations

import random
import socket
import threading
from collections.abc import Callable
from typing import Any

import pytest

pytestmark = pytest.mark.integration

Make = Callable[..., Any]

CHAINS: list[list[tuple[str, str, dict[str, int]]]] = [
    [("latency", "upstream", {"latency": 20, "jitter": 10}), ("bandwidth", "downstream", {"rate": 2000})],
    [("slicer", "downstream", {"average_size": 900, "size_variation": 300, "delay": 10})],
    [("bandwidth", "upstream", {"rate": 3000}), ("slicer", "upstream", {"average_size": 5000})],
    [("slow_close", "downstream", {"delay": 50}), ("latency", "downstream", {"latency": 15})],
    [("limit_data", "downstream", {"bytes": 12_345}), ("latency", "downstream", {"latency": 10})],
    [("timeout", "downstream", {"timeout": 150}), ("noop", "upstream", {})],
    [("reset_peer", "downstream", {"timeout": 30}), ("latency", "upstream", {"latency": 10})],
    [("latency", "downstream", {"latency": 30}), ("limit_data", "downstream", {"bytes": 0})],
]


def talk(port: int, messages: list[bytes]) -> tuple[bytes, str]:
    """Send everything, read until all has come back or the connection ends. What came, and how it ended."""
    with socket.create_connection(("127.0.0.1", port), timeout=15) as sock:

        def send() -> None:
            try:
                for message in messages:
                    sock.sendall(message)
            except OSError:
                pass

        sender = threading.Thread(target=send)
        sender.start()
        got = b""
        wanted = sum(map(len, messages))
        ending = "whole"
        try:
            while len(got) < wanted:
                data = sock.recv(65536)
                if not data:
                    ending = "closed"
                    break
                got += data
        except ConnectionResetError:
            ending = "reset"
        sender.join(timeout=15)
        return got, ending


@pytest.mark.parametrize("chain", CHAINS, ids=lambda chain: "+".join(f"{kind}-{stream}" for kind, stream, _ in chain))
def test_the_same_bytes_come_back_the_same_way(ours: Any, shopify: Any, wire: Make, chain: Any) -> None:
    """What a client gets through a chain of toxics, to the byte, and how its connection ends."""
    chance = random.Random(str(chain))
    messages = [chance.randbytes(chance.randrange(1, 9000)) for _ in range(20)]
    seen = []
    for server in (ours, shopify):
        made = wire(server)
        for number, (kind, stream, attributes) in enumerate(chain):
            made.toxic(kind, stream, name=f"t{number}", **attributes)
        seen.append(talk(made.port, messages))
    (our_bytes, our_end), (their_bytes, their_end) = seen
    assert our_end == their_end
    assert our_bytes == their_bytes
