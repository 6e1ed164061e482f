"""What sends requests, and how fast: our engines and Locust, to the same server, counted by the server.

A step of a measurement warms up first and is then measured for a few seconds in its steady state, so that nobody's
start is counted: requests by the server's own count, processor time by the kernel's.
"""

from __future__ import annotations

import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psutil

from chaos.load.batch import Batch
from chaos.load.traffic import TrafficRun
from chaos.model.requests import Requests
from chaos.model.target import Journey, Step, Traffic
from chaos.units import Duration, Rate

WARM_UP_S, MEASURED_S = 1.5, 3.0
# A generator keeps its schedule when 99 of 100 requests go out within this, and all are answered.
LAG_P99_MS = 5.0
FIRST_PER_S, FASTER = 2_000.0, 1.3
LOCUST_USERS = 50


@dataclass(frozen=True, kw_only=True, slots=True)
class Speed:
    """`per_s` requests a second, and what each cost in microseconds of processor time, the kernel's included."""

    per_s: float
    cpu_us: float
    lag_p99_ms: float = 0.0
    kept: bool = True  # the schedule was kept


@contextmanager
def server() -> Iterator[tuple[str, int]]:
    """The page server's URL and pid."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen([sys.executable, "-m", "bench.page_server", str(port)])
    try:
        until_s = time.monotonic() + 20
        while time.monotonic() < until_s:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.05)
        yield f"http://127.0.0.1:{port}", process.pid
    finally:
        process.kill()
        process.wait()


def journey(rate: float) -> Traffic:
    """So many customers a second, each with four requests and a cookie."""
    steps = (
        Step(name="home", method="GET", path="/"),
        Step(name="product", method="GET", path="/products/7"),
        Step(name="cart", method="POST", path="/cart", body={"product": 7}),
        Step(name="checkout", method="POST", path="/checkout", body={"cart": 7}),
    )
    return Traffic(
        entry="web", rate=Rate(rate), patience=Duration(10), steps={step.name: step for step in steps},
        journeys=(Journey(name="buy", weight=1, steps=tuple(step.name for step in steps), transaction=True),),
    )  # fmt: skip


def at(url: str, per_s: float, engine: str, generators: int = 1) -> Speed:
    """Ours, at so many requests a second, open loop."""
    batches: list[Batch] = []
    t0_s = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        run = TrafficRun.start(
            journey(per_s / 4), base_url=url, profile="normal", seed=1, t0_s=t0_s, state_dir=Path(folder),
            on_batch=batches.append, on_end=lambda _: None, engine=engine, processes=generators,
        )  # fmt: skip
        try:
            pids = [reach["pid"] for reach in run.traffic_control()["generators"]]
            began_us = (time.monotonic() - t0_s + WARM_UP_S) * 1e6
            count, cpu_s, took_s = _measured(url, pids)
        finally:
            run.stop(5.0)
    requests = Requests.join([batch.finished for batch in batches])
    lag_us = requests.lag_us[requests.start_us > began_us]
    lag_ms = float(np.percentile(lag_us, 99)) / 1e3 if len(lag_us) else float("inf")
    kept = lag_ms <= LAG_P99_MS and not run.dropped and not requests.failure.any() and count >= 0.9 * per_s * took_s
    return Speed(per_s=count / took_s, cpu_us=cpu_s / count * 1e6, lag_p99_ms=lag_ms, kept=kept)


def fastest(url: str, engine: str, first_per_s: float = FIRST_PER_S) -> Speed:
    """The fastest schedule that was kept, in steps of three tenths; the first one when none was."""
    best = found = at(url, first_per_s, engine)
    per_s, misses = first_per_s, 0
    while misses < 2:
        if found.kept:
            best, per_s, misses = found, per_s * FASTER, 0
        else:
            misses += 1  # once more before giving up: a neighbour may have had the core
        if misses < 2:
            found = at(url, per_s, engine)
    return best


def locust(url: str) -> Speed:
    """Locust's FastHttpUser, closed loop: fifty users, as fast as they can, on connections that they keep."""
    process = subprocess.Popen(
        [
            sys.executable, "-m", "locust", "-f", str(Path(__file__).with_name("locustfile.py")), "--headless",
            "-u", str(LOCUST_USERS), "-r", str(LOCUST_USERS), "--host", url, "--only-summary", "--skip-log",
        ],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        until_s = time.monotonic() + 30
        before = answered(url)
        while answered(url) < before + 100:
            if time.monotonic() > until_s or process.poll() is not None:
                raise RuntimeError("Locust sends nothing")
            time.sleep(0.1)
        count, cpu_s, took_s = _measured(url, [process.pid])
    finally:
        process.terminate()
        process.wait(timeout=20)
    return Speed(per_s=count / took_s, cpu_us=cpu_s / count * 1e6)


def answered(url: str) -> int:
    """How many requests the server has answered so far."""
    with urllib.request.urlopen(f"{url}/count") as answer:
        return int(answer.read())


def _measured(url: str, pids: list[int]) -> tuple[int, float, float]:
    """Requests, processor time and time of the measured part, in seconds."""
    processes = [psutil.Process(pid) for pid in pids]
    time.sleep(WARM_UP_S)
    began_s, count, cpu_s = time.monotonic(), answered(url), _cpu_s(processes)
    time.sleep(MEASURED_S)
    return answered(url) - count, _cpu_s(processes) - cpu_s, time.monotonic() - began_s


def _cpu_s(processes: list[psutil.Process]) -> float:
    return sum(used.user + used.system for used in (process.cpu_times() for process in processes))
