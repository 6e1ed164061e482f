"""How fast the fault proxy is: a direct connection, ours, and Shopify's Toxiproxy, side by side.

    python bench/proxy.py [--rounds 5] [--mib 96] [--requests 6000] [--connections 16] [--json]

No toxic is on. Every round measures all of them one after the other, so that a noisy machine is unfair to all alike;
the figures are medians over the rounds. The client and the upstream are two more processes of the same machine.
Shopify's server is taken from SALEPROOF_TOXIPROXY, .bin/toxiproxy-server or the PATH; without it its column is absent.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import time
import urllib.request
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import cast

import uvloop

ROOT = Path(__file__).resolve().parents[1]
HEADER_BYTES = 8
ANSWER_BYTES = 512


class Upstream(asyncio.Protocol):
    """Answers a request of 8 bytes, a number, with so many bytes."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.buffer = b""
        self.payload = bytes(4 * 1024 * 1024)
        self.owed = 0
        self.blocked = False
        self.transport.set_write_buffer_limits(high=1024 * 1024)

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        while len(self.buffer) >= HEADER_BYTES:
            self.owed += int.from_bytes(self.buffer[:HEADER_BYTES], "big")
            self.buffer = self.buffer[HEADER_BYTES:]
        self.pay()

    def pay(self) -> None:
        while self.owed and not self.blocked:
            size = min(self.owed, len(self.payload))
            self.owed -= size
            self.transport.write(self.payload[:size])

    def pause_writing(self) -> None:
        self.blocked = True

    def resume_writing(self) -> None:
        self.blocked = False
        self.pay()


async def serve_upstream() -> None:
    server = await asyncio.get_running_loop().create_server(Upstream, "127.0.0.1", 0)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await server.serve_forever()


class Caller(asyncio.Protocol):
    """Sends a request, waits for the whole answer, sends the next."""

    def __init__(self, requests: int, done: asyncio.Future[None]) -> None:
        self.left = requests
        self.done = done
        self.missing = 0
        self.sent_at = 0.0
        self.latencies_s: list[float] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def ask(self) -> None:
        self.missing = ANSWER_BYTES
        self.sent_at = time.perf_counter()
        self.transport.write(ANSWER_BYTES.to_bytes(HEADER_BYTES, "big"))

    def data_received(self, data: bytes) -> None:
        self.missing -= len(data)
        if self.missing:
            return
        self.latencies_s.append(time.perf_counter() - self.sent_at)
        self.left -= 1
        if self.left:
            self.ask()
        else:
            self.transport.close()
            self.done.set_result(None)


@dataclass(frozen=True, kw_only=True)
class Figures:
    """One way's results: of a round, or medians."""

    bulk_mb_per_s: float
    connections_per_s: float
    requests_per_s: float
    p50_ms: float
    p99_ms: float


def bulk_mb_per_s(port: int, total_bytes: int) -> float:
    """Megabytes a second of one long answer."""
    buffer = bytearray(1024 * 1024)
    with socket.create_connection(("127.0.0.1", port), timeout=60) as sock:
        started = time.perf_counter()
        sock.sendall(total_bytes.to_bytes(HEADER_BYTES, "big"))
        left = total_bytes
        while left:
            got = sock.recv_into(buffer)
            if not got:
                raise ConnectionError(f"closed with {left} bytes missing")
            left -= got
        return total_bytes / (time.perf_counter() - started) / 1e6


def connections_per_s(port: int, count: int) -> float:
    """Connect, one small request, close; one after the other."""
    started = time.perf_counter()
    for _ in range(count):
        with socket.create_connection(("127.0.0.1", port), timeout=10) as sock:
            sock.sendall(HEADER_BYTES.to_bytes(HEADER_BYTES, "big"))
            sock.recv(HEADER_BYTES)
    return count / (time.perf_counter() - started)


async def small_requests(port: int, connections: int, requests: int) -> tuple[float, list[float]]:
    """Requests a second, and each one's latency in seconds."""
    loop = asyncio.get_running_loop()
    done = [loop.create_future() for _ in range(connections)]
    callers = [Caller(requests // connections, future) for future in done]
    waiting = iter(callers)
    for _ in callers:
        await loop.create_connection(lambda: next(waiting), "127.0.0.1", port)
    started = time.perf_counter()
    for caller in callers:
        caller.ask()
    await asyncio.gather(*done)
    elapsed_s = time.perf_counter() - started
    latencies_s = [latency for caller in callers for latency in caller.latencies_s]
    return len(latencies_s) / elapsed_s, latencies_s


def measure(port: int, args: argparse.Namespace) -> Figures:
    bulk = bulk_mb_per_s(port, args.mib * 1024 * 1024)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        rate, latencies_s = runner.run(small_requests(port, args.connections, args.requests))
    cuts = statistics.quantiles(latencies_s, n=100)
    return Figures(
        bulk_mb_per_s=bulk,
        connections_per_s=connections_per_s(port, args.dials),
        requests_per_s=rate,
        p50_ms=cuts[49] * 1e3,
        p99_ms=cuts[98] * 1e3,
    )


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        return int(sock.getsockname()[1])


def shopify() -> str | None:
    candidates = [os.environ.get("SALEPROOF_TOXIPROXY"), str(ROOT / ".bin" / "toxiproxy-server"), "toxiproxy-server"]
    return next((path for path in map(shutil.which, filter(None, candidates)) if path), None)


def wait_for_api(port: int) -> None:
    deadline = time.monotonic() + 10
    while True:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/version", timeout=1).read()
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)
        else:
            return


def add_proxy(api_port: int, upstream_port: int) -> int:
    body = {"name": "bench", "listen": "127.0.0.1:0", "upstream": f"127.0.0.1:{upstream_port}"}
    request = urllib.request.Request(f"http://127.0.0.1:{api_port}/proxies", json.dumps(body).encode(), method="POST")
    with urllib.request.urlopen(request, timeout=5) as answer:
        return int(json.load(answer)["listen"].rpartition(":")[2])


def medians(rounds: list[Figures]) -> Figures:
    return Figures(**{key: statistics.median(asdict(one)[key] for one in rounds) for key in asdict(rounds[0])})


def show(results: dict[str, Figures]) -> None:
    print(f"{'':22}" + "".join(f"{name:>14}" for name in results))
    direct = results["direct"]
    for key, label, digits in (
        ("bulk_mb_per_s", "bulk, MB/s", 0),
        ("requests_per_s", "requests/s", 0),
        ("connections_per_s", "connections/s", 0),
        ("p50_ms", "latency p50, ms", 3),
        ("p99_ms", "latency p99, ms", 3),
    ):
        print(f"{label:22}" + "".join(f"{getattr(figures, key):>14.{digits}f}" for figures in results.values()))
        ratios = (getattr(figures, key) / getattr(direct, key) for figures in results.values())
        print(f"{'  of direct':22}" + "".join(f"{ratio:>14.2f}" for ratio in ratios))
    if "shopify" in results:
        ours, theirs = results["ours"], results["shopify"]
        print(
            f"ours against Shopify's: bulk {ours.bulk_mb_per_s / theirs.bulk_mb_per_s:.2f}x, "
            f"requests {ours.requests_per_s / theirs.requests_per_s:.2f}x, "
            f"connections {ours.connections_per_s / theirs.connections_per_s:.2f}x, "
            f"p50 {ours.p50_ms / theirs.p50_ms:.2f}x, p99 {ours.p99_ms / theirs.p99_ms:.2f}x"
        )
    else:
        print("Shopify's toxiproxy-server is not there: set SALEPROOF_TOXIPROXY to compare with it")


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--mib", type=int, default=96, help="MiB of one bulk transfer")
    parser.add_argument("--requests", type=int, default=6000, help="small requests of one round")
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--dials", type=int, default=300, help="connections made one after the other in one round")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--upstream", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args(arguments)
    if args.upstream:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(serve_upstream())
        return 0

    children: list[subprocess.Popen[str]] = []
    try:
        upstream = subprocess.Popen([sys.executable, __file__, "--upstream"], stdout=subprocess.PIPE, text=True)
        children.append(upstream)
        assert upstream.stdout is not None
        ports = {"direct": int(upstream.stdout.readline())}
        servers = {"ours": [sys.executable, "-m", "chaos.proxy.server"]}
        binary = shopify()
        if binary:
            servers["shopify"] = [binary]
        for name, command in servers.items():
            api_port = free_port()
            command = [*command, "-host" if name == "shopify" else "--host", "127.0.0.1"]
            command += ["-port" if name == "shopify" else "--port", str(api_port)]
            quiet = subprocess.DEVNULL
            children.append(subprocess.Popen(command, text=True, cwd=ROOT, stdout=quiet, stderr=quiet))
            wait_for_api(api_port)
            ports[name] = add_proxy(api_port, ports["direct"])
        rounds: dict[str, list[Figures]] = {name: [] for name in ports}
        for number in range(args.rounds):
            # The order turns, so that no way is always the first after a pause.
            names = list(ports)
            for name in names[number % len(names) :] + names[: number % len(names)]:
                rounds[name].append(measure(ports[name], args))
    finally:
        for child in children:
            child.terminate()
            child.wait(timeout=10)
    results = {name: medians(one) for name, one in rounds.items()}
    if args.json:
        print(json.dumps({name: asdict(figures) for name, figures in results.items()}))
    else:
        show(results)
    return 0


if __name__ == "__main__":
    sys.exit(main())
