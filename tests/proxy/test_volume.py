"""Much at once, through our server and Shopify's alike: big transfers in both directions, hundreds of connections."""

from __future__ import annotations

import contextlib
import hashlib
import random
import resource
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

pytestmark = pytest.mark.integration

Make = Callable[..., Any]
MIB = 1024 * 1024


@pytest.fixture(scope="module", autouse=True)
def _many_files() -> Iterator[None]:
    """500 connections are 1,000 sockets here, and the usual soft limit is 1,024."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard if soft < 4096 else soft, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def take(sock: socket.socket, size: int) -> bytes:
    """Exactly so many bytes."""
    got = bytearray()
    while len(got) < size:
        data = sock.recv(min(size - len(got), MIB))
        assert data, f"closed after {len(got)} of {size} bytes"
        got += data
    return bytes(got)


def test_a_big_download_is_whole(server: Any, wire: Make, upstream: Make) -> None:
    """64 MiB arrive, all of them."""
    size = 64 * MIB
    with wire(server, upstream("number").address).connect() as sock:
        sock.sendall(struct.pack("!q", size))
        take(sock, size)


CHAINS: list[list[tuple[str, dict[str, int]]]] = [
    [],
    [("latency", {"latency": 5, "jitter": 5})],
    [("bandwidth", {"rate": 50_000})],
    [("slicer", {"average_size": 10_000, "size_variation": 500})],
    [("limit_data", {"bytes": 1 << 40}), ("slow_close", {"delay": 10}), ("noop", {})],
]


@pytest.mark.parametrize("chain", CHAINS, ids=lambda chain: "+".join(kind for kind, _ in chain) or "nothing")
def test_a_big_transfer_both_ways_at_once_is_whole(server: Any, wire: Make, chain: Any) -> None:
    """16 MiB are echoed while they are sent, through the same toxics in both directions; every byte in its place."""
    made = wire(server)
    for kind, attributes in chain:
        for stream in ("upstream", "downstream"):
            made.toxic(kind, stream, name=f"{kind}-{stream}", **attributes)
    data = random.Random(5).randbytes(16 * MIB)
    with made.connect(timeout_s=30) as sock:
        sender = threading.Thread(target=sock.sendall, args=(data,))
        sender.start()
        got = hashlib.sha256(take(sock, len(data)))
        sender.join()
    assert got.digest() == hashlib.sha256(data).digest()


def test_five_hundred_connections_while_toxics_come_and_go(server: Any, wire: Make) -> None:
    """All are open at the same time, and each gets what it has sent, in order, whatever is added, changed, removed."""
    made = wire(server)
    with contextlib.ExitStack() as stack:
        socks = [stack.enter_context(made.connect(timeout_s=30)) for _ in range(500)]

        def say(word: str) -> None:
            for number, sock in enumerate(socks):
                sock.sendall(f"{word}{number:08}".encode())

        say("plain...")
        made.toxic("latency", latency=60_000)
        say("held....")
        made.toxic("slicer", "upstream", average_size=7, size_variation=2)
        say("sliced..")
        made.change("latency", {"attributes": {"latency": 20}})
        made.toxic("bandwidth", name="rate", rate=100)
        say("slow....")
        made.remove("slicer")
        made.remove("latency")
        made.change("rate", {"attributes": {"rate": 50}})  # not higher: see docs/fault-proxy.md
        say("fast....")
        made.remove("rate")
        words = ("plain...", "held....", "sliced..", "slow....", "fast....")
        for number, sock in enumerate(socks):
            assert take(sock, 80).decode() == "".join(f"{word}{number:08}" for word in words)
