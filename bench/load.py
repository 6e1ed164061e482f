"""The traffic generator: the fastest schedule that it keeps, what a request costs it beside Locust's FastHttpUser, how
late it is at the rate that one process is given, and its p99 when the server stalls.

All send the same journey of four requests with cookies to the same server process. Locust runs closed-loop, 50 users as
fast as they can, on 50 connections that they keep; ours runs open-loop, faster and faster as long as it keeps its
schedule. `direct` opens a connection for every customer; `shared` and `curl` hand them on, as Locust's users do. The
rounds are interleaved, so that a neighbour on the machine meets all of them; what is printed are the medians.
"""

from __future__ import annotations

import os
import signal
import statistics
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from bench.senders import FIRST_PER_S, LAG_P99_MS, Speed, at, fastest, locust, server
from chaos.load import ENGINE_NAMES
from chaos.load.arrivals import Arrivals
from chaos.load.batch import Batch
from chaos.load.share import CLAIMED_PER_S
from chaos.load.traffic import TrafficRun
from chaos.model.requests import Requests
from chaos.model.target import Journey, Step, Traffic
from chaos.units import Duration, Rate

ROUNDS = 3
YARDSTICK = "Locust FastHttpUser"
# Times Locust's requests a processor second. A connection for every customer is more than Locust does.
GOALS = {"direct": 2.0, "shared": 3.0, "curl": 1.5}

STALL_RATE, STALL_S, STALL_RUN_S, STALL_GOAL = 200.0, 2.0, 10.0, 0.03


def rounds(url: str) -> dict[str, list[Speed]]:
    """Each sender's speeds. The first round looks for the fastest schedule from the bottom, the others from near it."""
    found: dict[str, list[Speed]] = {name: [] for name in (*ENGINE_NAMES, YARDSTICK)}
    for _ in range(ROUNDS):
        for name in ENGINE_NAMES:
            before = max((speed.per_s for speed in found[name]), default=0.0)
            found[name].append(fastest(url, name, max(FIRST_PER_S, 0.6 * before)))
        found[YARDSTICK].append(locust(url))
    return found


def table(found: dict[str, list[Speed]]) -> str:
    """Medians and ratios."""
    lines = [f"{'':22}{'requests/s':>11}{'lag p99':>9}{'CPU a request':>15}{'a CPU second':>14}{'ratio':>7}{'goal':>6}"]
    yardstick_us = statistics.median(speed.cpu_us for speed in found[YARDSTICK])
    for name, speeds in found.items():
        per_s = statistics.median(speed.per_s for speed in speeds)
        cpu_us = statistics.median(speed.cpu_us for speed in speeds)
        lag = f"{statistics.median(speed.lag_p99_ms for speed in speeds):6.1f} ms" if name != YARDSTICK else ""
        goal = f"{GOALS[name]:.1f}" if name in GOALS else ""
        broken = "" if all(speed.kept for speed in speeds) else "  (its first rate was too much)"
        costs = f"{cpu_us:12.1f} us{1e6 / cpu_us:14,.0f}{yardstick_us / cpu_us:7.2f}{goal:>6}"
        lines.append(f"{name:22}{per_s:11,.0f}{lag:>9}{costs}{broken}")
    return "\n".join(lines)


def claimed(url: str) -> str:
    """How late each engine is at the rate that `run` gives one process, and two at twice that; medians."""
    shapes = [(name, processes) for name in ENGINE_NAMES for processes in (1, 2)]
    found: dict[tuple[str, int], list[Speed]] = {shape: [] for shape in shapes}
    for _ in range(ROUNDS):
        for name, processes in shapes:
            found[name, processes].append(at(url, processes * CLAIMED_PER_S[name], name, processes))
    lines = [f"{'':22}{'processes':>10}{'claimed/s':>11}{'answered/s':>12}{'lag p99':>10}{'kept':>7}"]
    for (name, processes), speeds in found.items():
        per_s = statistics.median(speed.per_s for speed in speeds)
        lag_ms = statistics.median(speed.lag_p99_ms for speed in speeds)
        kept = f"{sum(speed.kept for speed in speeds)}/{len(speeds)}"
        claim = processes * CLAIMED_PER_S[name]
        lines.append(f"{name:22}{processes:10}{claim:11,.0f}{per_s:12,.0f}{lag_ms:7.1f} ms{kept:>7}")
    return "\n".join(lines)


def stall(url: str, pid: int) -> tuple[float, float]:
    """The p99 that was measured and the true one, in ms, when the server is frozen for 2 of 10 s at 200 requests a
    second. The truth is computed from the arrivals' seed alone: who came while it was frozen waited until its end."""
    step = Step(name="home", method="GET", path="/")
    traffic = Traffic(
        entry="web", rate=Rate(STALL_RATE), patience=Duration(10), steps={"home": step},
        journeys=(Journey(name="look", weight=1, steps=("home",)),),
    )  # fmt: skip
    batches: list[Batch] = []
    t0_s = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        run = TrafficRun.start(
            traffic, base_url=url, profile="normal", seed=1, t0_s=t0_s, state_dir=Path(folder),
            on_batch=batches.append, on_end=lambda _: None,
        )  # fmt: skip
        began_s = time.monotonic()
        time.sleep(STALL_RUN_S / 2)
        os.kill(pid, signal.SIGSTOP)
        frozen_s = time.monotonic() - t0_s
        time.sleep(STALL_S)
        os.kill(pid, signal.SIGCONT)
        thawed_s = time.monotonic() - t0_s
        time.sleep(max(0.0, began_s + STALL_RUN_S - time.monotonic()))
        run.stop(5.0)
    requests = Requests.join([b.finished for b in batches])
    requests = requests.only(np.argsort(requests.start_us))
    arrivals = Arrivals(kind="poisson", per_s=STALL_RATE, seed="1/0/arrivals", start_s=0.0)
    times_s = np.array([arrivals.take() for _ in range(len(requests))])
    times_s += requests.start_us[0] / 1e6 - times_s[0]
    usual_s = float(np.median(requests.latency_us)) / 1e6
    waited_s = np.where((times_s >= frozen_s) & (times_s < thawed_s), thawed_s - times_s, 0.0) + usual_s
    return float(np.percentile(requests.latency_us, 99)) / 1e3, float(np.percentile(waited_s, 99)) * 1e3


def main() -> int:
    load = " ".join(f"{one:.1f}" for one in os.getloadavg())
    print(f"four-step journeys with cookies, one process each; {os.cpu_count()} processors, load before {load}")
    with server() as (url, pid):
        print(table(rounds(url)))
        print(f"ours: the fastest schedule with a lag p99 of at most {LAG_P99_MS:g} ms; ratio and goal: a CPU second\n")
        print(claimed(url))
        print(f"kept: a lag p99 of at most {LAG_P99_MS:g} ms, nothing dropped, all answered\n")
        measured_ms, true_ms = stall(url, pid)
    print(f"the server is frozen for {STALL_S:g} s of {STALL_RUN_S:g} s, {STALL_RATE:g} requests a second, Poisson")
    print(f"p99 measured {measured_ms:,.0f} ms, true {true_ms:,.0f} ms: ratio {measured_ms / true_ms:.4f}")
    print(f"goal: within {STALL_GOAL:.0%}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
