"""A shop to send customers to, the customers, and who watches them."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

from chaos.model.requests import Requests
from chaos.model.target import Journey, Step, Traffic, Value
from chaos.units import Duration, Rate


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Shop:
    """A real server process, which can be frozen."""

    def __init__(self) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        program = Path(__file__).with_name("shopkeeper.py")
        self.process = subprocess.Popen([sys.executable, str(program), str(self.port)])
        until_s = time.monotonic() + 30
        while True:
            try:
                self.log()
            except OSError:
                assert self.process.poll() is None, "the test's server ended"
                assert time.monotonic() < until_s, "the test's server does not come up"
                time.sleep(0.05)
            else:
                return

    def log(self) -> list[dict[str, str]]:
        with urllib.request.urlopen(f"{self.url}/log", timeout=10) as answer:
            found: list[dict[str, str]] = json.loads(answer.read())
        return found

    def freeze(self) -> None:
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self.process.send_signal(signal.SIGCONT)

    def close(self) -> None:
        self.process.kill()
        self.process.wait(timeout=10)


def traffic(*steps: Step, rate: float = 50, **more: Any) -> Traffic:
    """One journey of the given steps, a transaction."""
    named = {step.name: step for step in steps}
    journeys = more.pop("journeys", (Journey(name="buy", weight=1, steps=tuple(named), transaction=True),))
    return Traffic(entry="web", rate=Rate(rate), steps=named, journeys=journeys, **more)


HOME = Step(name="home", method="GET", path="/", save={"product": "id"})
CART = Step(name="cart", method="GET", path="/status/200?p={product}&w={word}")
ORDER = Step(
    name="order", method="POST", path="/order", headers={"Idempotency-Key": "{uuid}"},
    body={"product": "{product}", "who": "c{customer}"}, save={"order": "order.id"}, acknowledges="order",
)  # fmt: skip
BUYING = traffic(HOME, CART, ORDER, values={"word": Value(choice=("red shoes", "blå"))}, patience=Duration(5))


class Watch:
    """What a run of traffic has said."""

    def __init__(self) -> None:
        self.batches: list[Any] = []
        self.ends: list[str] = []
        self.ended = threading.Event()

    def on_end(self, reason: str) -> None:
        self.ends.append(reason)
        self.ended.set()

    @property
    def requests(self) -> Requests:
        return Requests.join([batch.finished for batch in self.batches])

    @property
    def acknowledged(self) -> list[str]:
        return [one for batch in self.batches for one in batch.acknowledged]

    def wait(self, what: Callable[[], bool], timeout_s: float = 20.0) -> None:
        until_s = time.monotonic() + timeout_s
        while not what():
            assert time.monotonic() < until_s, f"it did not happen within {timeout_s} s"
            time.sleep(0.05)
