"""The compose platform: from a fault's call to its felt effect, against the raw call of the Docker SDK or of Toxiproxy;
and the shop's `up` until all is healthy.

    python -m bench.compose [--rounds 11] [--ups 3]

*Felt* is when a client of the service got its last good answer after the call began. Ours and the raw call, which finds
its container by name as any user's does, take turns on the same small project (that of the conformance tests). Without
a Docker engine nothing is measured, and that is said.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
BIN = Path(sys.executable).parent
SHOP = "saleproof-shop"
REQUEST = b"GET /healthz HTTP/1.1\r\nHost: bench\r\n\r\n"
GOOD_S = 0.15  # an answer that takes longer is not a good one; the latency that is injected is 0.3 s
SETTLE_S = 0.5
GOAL = "at most 1.1"


class Client:
    """Asks all the time, over a connection that it keeps, and remembers when the last good answer came."""

    def __init__(self, address: str) -> None:
        self.host, _, port = address.rpartition(":")
        self.port = int(port)
        self.last_good = 0.0
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._ask_on, daemon=True)

    def _ask_on(self) -> None:
        while not self._end.is_set():
            with contextlib.suppress(OSError), socket.create_connection((self.host, self.port), GOOD_S) as connection:
                while not self._end.is_set():
                    began = time.perf_counter()
                    connection.sendall(REQUEST)
                    if not connection.recv(65536):
                        break
                    ended = time.perf_counter()
                    if ended - began < GOOD_S:
                        self.last_good = ended
                    # One processor is for the engine: this is enough to see a millisecond.
                    time.sleep(0.0005)

    def __enter__(self) -> Client:
        self._thread.start()
        until = time.perf_counter() + 5
        while not self.last_good and time.perf_counter() < until:
            time.sleep(0.01)
        if not self.last_good:
            raise SystemExit(f"no good answer from {self.host}:{self.port}")
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()


def felt_s(address: str, call: Callable[[], object]) -> float:
    """Seconds from the call's begin to the last good answer."""
    with Client(address) as client:
        time.sleep(0.2)
        began = time.perf_counter()
        call()
        time.sleep(SETTLE_S)
        return max(client.last_good - began, 0.0)


def toxic(api: str, name: str, method: str, body: Any = None) -> None:
    data = None if body is None else json.dumps(body).encode()
    url = f"http://{api}/proxies/{urllib.request.quote(name)}/toxics{'' if method == 'POST' else '/bench'}"
    with urllib.request.urlopen(urllib.request.Request(url, data, method=method), timeout=5) as answer:
        answer.read()


def pairs(shop: Any) -> Iterator[tuple[str, str, Callable[[], float], str, Callable[[], float]]]:
    """what, our name and its measurement, the other's name and its measurement. Each leaves all as it was."""
    from chaos import faults
    from chaos.faults import FAULTS
    from chaos.units import Duration

    def ours(fault: Any, where: str, address: str) -> float:
        undo = fault.prepare(where, shop)
        try:
            return felt_s(address, lambda: fault.inject(undo, shop))
        finally:
            faults.revert(undo)

    def raw(address: str, call: Callable[[], object], back: Callable[[], object]) -> float:
        try:
            return felt_s(address, call)
        finally:
            back()

    name = shop.instance("web").what.removeprefix("container ")

    def web() -> Any:
        return shop.engine.client.containers.get(name)

    def direct() -> str:
        return str(shop.instance("web").address)

    def started() -> None:
        web().start()
        while not shop.instance("web").healthy:
            time.sleep(0.05)

    def proxied() -> str:
        return str(shop.proxy("edge -> web").listen)

    body = {"name": "bench", "type": "latency", "attributes": {"latency": 300, "jitter": 0}}
    kill, pause, latency = FAULTS["kill"](), FAULTS["pause"](), FAULTS["latency"](delay=Duration(0.3))
    yield (
        "kill", "inject", lambda: ours(kill, "web", direct()),
        "get(name).kill()", lambda: raw(direct(), lambda: web().kill(), started),
    )  # fmt: skip
    yield (
        "pause", "inject", lambda: ours(pause, "web", direct()),
        "get(name).pause()", lambda: raw(direct(), lambda: web().pause(), lambda: web().unpause()),
    )  # fmt: skip
    api = shop.proxy_api
    yield (
        "latency", "inject", lambda: ours(latency, "edge -> web", proxied()),
        "POST .../toxics", lambda: raw(
            proxied(), lambda: toxic(api, "edge -> web", "POST", body), lambda: toxic(api, "edge -> web", "DELETE")
        ),
    )  # fmt: skip


def faults_felt(rounds: int) -> None:
    for folder in ("tests", "tests/faults", "tests/conformance"):
        sys.path.insert(0, str(ROOT / folder))
    import composeshop

    print(
        f"{'call to felt effect':<22}{'ours':>10}   {'against':<20}{'raw':>10}   {'ratio':>6}   {'more':>10}   goal",
        flush=True,
    )
    with composeshop.running() as shop:
        for what, _, ours, other, raw in pairs(shop):
            mine, theirs = [], []
            for number in range(rounds + 1):
                a, b = ours(), raw()
                if number:  # the first round does not count
                    mine.append(a)
                    theirs.append(b)
            a, b = statistics.median(mine), statistics.median(theirs)
            ratio = f"{a / b:6.2f}" if b > 0 else "     -"
            figures = f"{a * 1e3:>7.1f} ms   {other:<20}{b * 1e3:>7.1f} ms   {ratio}   {(a - b) * 1e3:>+7.1f} ms"
            print(f"{what:<22}{figures}   {GOAL}", flush=True)


def ups(rounds: int) -> int:
    from chaos.platforms.compose import project
    from chaos.platforms.compose.engine import connect

    if project.containers(connect(), SHOP):
        print(f"the project {SHOP} is up already: its `up` is not measured", file=sys.stderr)
        return 1
    times: dict[str, list[float]] = {"up": [], "down": []}
    with tempfile.TemporaryDirectory() as folder:
        env = os.environ | {"SALEPROOF_STATE": folder}
        for _ in range(rounds):
            for command, taken in times.items():
                words = [BIN / "saleproof", command, "--platform", "compose"]
                began = time.perf_counter()
                subprocess.run(words, cwd=ROOT, env=env, capture_output=True, check=True)
                taken.append(time.perf_counter() - began)
    print(f"up until healthy   {statistics.median(times['up']):5.1f} s   goal: under 20 s, with the images there")
    print(f"down               {statistics.median(times['down']):5.1f} s")
    return 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=11)
    parser.add_argument("--ups", type=int, default=3)
    args = parser.parse_args()
    from chaos.errors import SaleproofError
    from chaos.platforms.compose.engine import connect

    try:
        connect().ping()
    except SaleproofError as cause:
        print(f"not measured: {cause}")
        return 0
    if args.rounds:
        faults_felt(args.rounds)
    return ups(args.ups) if args.ups else 0


if __name__ == "__main__":
    sys.exit(main())
