"""Ours against Shopify's: the same calls and the same bytes, random but seeded, must give the same answers."""

from __future__ import annotations

import json
import random
import socket
import threading
from collections.abc import Callable
from typing import Any

import pytest

pytestmark = pytest.mark.integration

Make = Callable[..., Any]

KINDS = ["latency", "bandwidth", "slow_close", "timeout", "reset_peer", "slicer", "limit_data", "noop", "latancy"]
ATTRIBUTES: list[dict[str, Any]] = [
    {},
    {"latency": 5},
    {"latency": 5, "jitter": 2},
    {"rate": 100},
    {"delay": 3},
    {"timeout": 4},
    {"bytes": 5},
    {"average_size": 50, "size_variation": 5, "delay": 1},
    {"latency": "5"},
    {"rate": 1.5},
    {"timeout": None},
    {"unknown": 1},
]


def random_call(chance: random.Random, prefix: str) -> tuple[str, str, Any]:
    """A call of the API over a handful of names, so that they meet."""
    proxy = f"/proxies/{prefix}{chance.randrange(3)}"
    toxic = f"{proxy}/toxics/t{chance.randrange(3)}"
    attributes = chance.choice(ATTRIBUTES)
    kind = chance.choice(KINDS)
    if kind == "slicer":
        # Shopify's crashes on its own default; that deviation has a test of its own.
        attributes = ATTRIBUTES[7]
    body: dict[str, Any] = {"attributes": attributes, "toxicity": chance.choice([1, 0.5, 0.25, 0])}
    new = body | {"name": f"t{chance.randrange(3)}", "type": kind}
    new["stream"] = chance.choice(["upstream", "downstream", "Upstream", "sideways"])
    upstream = f"127.0.0.1:{chance.randrange(1, 4)}"
    made = {"name": proxy[9:], "listen": "127.0.0.1:0", "upstream": upstream, "enabled": chance.random() < 0.7}
    return chance.choice(
        [
            ("POST", "/proxies", made),
            ("POST", "/proxies", {key: made[key] for key in chance.sample(list(made), 3)} | {"listen": "127.0.0.1:0"}),
            ("GET", proxy, None),
            ("PATCH", proxy, {"enabled": chance.random() < 0.5}),
            ("POST", proxy, {"upstream": upstream}),
            ("DELETE", proxy, None),
            ("GET", f"{proxy}/toxics", None),
            ("POST", f"{proxy}/toxics", new),
            ("POST", f"{proxy}/toxics", new),
            ("POST", f"{proxy}/toxics", {"type": kind, "attributes": attributes}),
            ("GET", toxic, None),
            ("PATCH", toxic, body if kind != "slicer" else {"toxicity": 0.5}),
            ("DELETE", toxic, None),
            ("GET", "/nowhere", None),
            ("PUT", proxy, {}),
        ]
    )


def plain(value: Any) -> Any:
    """Without what may differ: ports, the wording after the kind of a 400, Shopify's accidental `Logger`."""
    if isinstance(value, list):
        return [plain(item) for item in value]
    if not isinstance(value, dict):
        return value
    cleaned = {key: plain(item) for key, item in value.items() if key != "Logger"}
    if "listen" in cleaned:
        cleaned["listen"] = cleaned["listen"].rpartition(":")[0]
    if str(cleaned.get("error", "")).startswith("bad request body: "):
        cleaned["error"] = "bad request body: "
    return cleaned


def outcome(server: Any, call: tuple[str, str, Any]) -> tuple[int, str, Any]:
    status, content_type, text = server.request(*call)
    if not text or call[1] == "/nowhere" or status == 405:
        return status, "", None
    return status, content_type.split(";")[0], plain(json.loads(text))


@pytest.mark.parametrize("seed", range(4))
def test_the_same_calls_give_the_same_answers(ours: Any, shopify: Any, seed: int) -> None:
    """Status, content type and body, over 250 random calls."""
    chance = random.Random(seed)
    prefix = f"diff{seed}-"
    history = []
    try:
        for _ in range(250):
            call = random_call(chance, prefix)
            if "attributes" in (call[2] or {}) and call[2]["attributes"].get("rate", 1) == 0:
                continue
            history.append(call)
            assert outcome(ours, call) == outcome(shopify, call), history[-6:]
    finally:
        for server in (ours, shopify):
            for number in range(3):
                server.request("DELETE", f"/proxies/{prefix}{number}")


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
