"""toxiproxy-python, as its users use it: `client.py API UPSTREAM`. Says what it sees; fails when it is not right."""

from __future__ import annotations

import json
import socket
import sys
import time

from toxiproxy import Toxiproxy
from toxiproxy.exceptions import NotFound, ProxyExists

TOXICS = {
    "latency": {"latency": 150, "jitter": 0},
    "bandwidth": {"rate": 1000},
    "slow_close": {"delay": 5},
    "timeout": {"timeout": 60000},
    "reset_peer": {"timeout": 60000},
    "slicer": {"average_size": 64, "size_variation": 16, "delay": 10},
    "limit_data": {"bytes": 1000000},
}


def say(*words: object) -> None:
    print(*words, flush=True)


def echo(address: str) -> float:
    """Seconds for an echo."""
    host, _, port = address.rpartition(":")
    began = time.monotonic()
    with socket.create_connection((host, int(port)), timeout=5) as sock:
        sock.sendall(b"ping")
        assert sock.recv(4) == b"ping"
    return time.monotonic() - began


def main(api: str, upstream: str) -> None:
    host, _, port = api.rpartition(":")
    server = Toxiproxy()
    server.update_api_consumer(host, int(port))
    assert server.running()
    assert b"version" in server.version()

    proxy = server.create(name="py", upstream=upstream)
    say("created", proxy.name, proxy.listen, proxy.upstream == upstream, proxy.enabled)
    try:
        server.create(name="py", upstream=upstream)
    except ProxyExists as error:
        say("again", error)
    say("listed", sorted(server.proxies()), server.get_proxy("nobody"))
    assert echo(proxy.listen) < 1

    for kind, attributes in TOXICS.items():
        for stream in ("upstream", "downstream"):
            proxy.add_toxic(type=kind, stream=stream, toxicity=0.5, attributes=attributes)
            toxic = proxy.get_toxic(f"{kind}_{stream}")
            assert toxic.attributes == attributes
            say("toxic", toxic.name, toxic.type, toxic.stream, toxic.toxicity, json.dumps(toxic.attributes))
    say("toxics", list(proxy.toxics()))
    for name in list(proxy.toxics()):
        assert proxy.destroy_toxic(name)
    try:
        proxy.destroy_toxic("nobody")
    except NotFound as error:
        say("not found", error)

    proxy.add_toxic(name="slow", type="latency", attributes={"latency": 150})
    assert echo(proxy.listen) >= 0.149
    with proxy.down():
        try:
            echo(proxy.listen)
        except ConnectionRefusedError:
            say("down: refused")
    assert echo(proxy.listen) >= 0.149
    assert server.reset()
    say("reset", list(proxy.toxics()), server.get_proxy("py").enabled)
    assert echo(proxy.listen) < 0.149

    populated = server.populate([{"name": "py2", "listen": "127.0.0.1:0", "upstream": upstream}])
    say("populated", [one.name for one in populated])
    assert server.destroy(proxy)
    assert server.destroy(populated[0])
    say("left", [name for name in server.proxies() if name.startswith("py")])


if __name__ == "__main__":
    main(*sys.argv[1:])
