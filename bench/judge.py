"""A verdict over a million recorded requests: the goal is under 0.2 s.

    python -m bench.judge [--rounds 11] [--requests 1000000]

Three windows, three objectives and one comparison with before, with failures and slow requests among them. Every round
judges a tenth of the requests and all of them in turn; beside both stands the yardstick, numpy sorting their latencies.
Wall time is what people wait for; processor time is what it costs on a machine that does something else as well.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from datetime import UTC, datetime

import numpy as np

from chaos.judge import judge
from chaos.model.event import (
    FaultConfirmed,
    FaultInjected,
    FaultIntended,
    FaultReverted,
    RunEnded,
    RunStarted,
    WindowEnded,
    WindowStarted,
)
from chaos.model.fault import Evidence, Undo
from chaos.model.journal import Journal, RunInfo
from chaos.model.objective import NEVER_S, Condition, Op
from chaos.model.plan import Plan, PlannedFault, PlannedStep, Window
from chaos.model.requests import Requests
from chaos.model.sli import Shape, Source
from chaos.units import Duration, Rate

GOAL_S = 0.2
WINDOWS = (("before", None, 5.0, 40.0), ("during", 0, 45.1, 40.0), ("after", 0, 90.1, 40.0))
END_S = 131.0


def condition(text: str, shape: Shape, threshold: float, budget: float, tolerance: float | None = None) -> Condition:
    latency = shape is Shape.LATENCY
    return Condition(
        text=text, sli=text.split()[0].split(".")[-1], source=Source.LOAD, shape=shape, op=Op.LT if latency else Op.GE,
        threshold=threshold, budget=budget, steps=("checkout",) if text.startswith("checkout") else (),
        percentile=99.0 if latency else None, tolerance=tolerance,
    )  # fmt: skip


def journal(count: int) -> Journal:
    """A run of so many requests, seeded."""
    asked = (
        condition("availability >= 99.9%", Shape.AVAILABILITY, 0.999, 0.001),
        condition("p99 < 2s", Shape.LATENCY, 2.0, 0.01),
        condition("checkout.p99 < 2s", Shape.LATENCY, 2.0, 0.01),
        condition("p99 no worse than before", Shape.LATENCY, NEVER_S, 0.01, 0.2),
    )
    windows = tuple(
        Window(
            index=i, name=phase, phase=phase, step=step, length=Duration(length_s),  # type: ignore[arg-type]
            conditions=asked[:3] if phase == "before" else asked,
        )
        for i, (phase, step, _, length_s) in enumerate(WINDOWS)
    )  # fmt: skip
    fault = PlannedFault(
        id="1.1", kind="latency", places=("web-1 -> db",), duration=Duration(40), fault={}, text="latency", step=0
    )
    plan = Plan(
        title="a million", experiment="x.yaml", target="shop", platform="embedded", variant="v", seed=1, load="normal",
        rate=Rate(count / END_S / 4), patience=Duration(10), warm_up=Duration(5), recovery=Duration(5), windows=windows,
        steps=(PlannedStep(index=0, faults=(fault,)),),
    )  # fmt: skip
    place = {"fault": "1.1", "place": "web-1 -> db"}
    spans = [
        event
        for i, (_, _, at_s, length_s) in enumerate(WINDOWS)
        for event in (WindowStarted(at_s=at_s, window=i), WindowEnded(at_s=at_s + length_s, window=i))
    ]
    events = (
        RunStarted(at_s=0.0, pid=1, endpoint=""), *spans,
        FaultIntended(at_s=45.12, undo=Undo(kind="latency", where="web-1 -> db"), **place),  # type: ignore[arg-type]
        FaultInjected(at_s=45.2, took_s=0.05, **place),  # type: ignore[arg-type]
        FaultConfirmed(at_s=46.0, evidence=Evidence(confirmed=True, text="+300 ms"), **place),  # type: ignore[arg-type]
        FaultReverted(at_s=85.2, took_s=0.05, **place),  # type: ignore[arg-type]
        RunEnded(at_s=END_S, status="completed"),
    )  # fmt: skip
    info = RunInfo(id="20261121-113301-7f3a", started_at=datetime(2026, 11, 21, tzinfo=UTC), status="completed")
    return Journal(
        run=info, plan=plan, events=tuple(sorted(events, key=lambda e: e.at_s)), requests=requests(count)
    )  # fmt: skip


def requests(count: int) -> Requests:
    dice = np.random.default_rng(1)
    start_us = np.sort(dice.integers(0, int(END_S * 1e6), count))
    latency_us = (dice.gamma(4, 0.005, count) * 1e6).astype(np.int64)
    latency_us[dice.random(count) < 0.004] = 2_600_000
    return Requests(
        start_us=start_us, latency_us=latency_us, lag_us=dice.integers(10, 900, count),
        step=(np.arange(count) % 4).astype(np.int32), status=np.full(count, 200, np.int32),
        failure=(dice.random(count) < 0.0004).astype(np.int32), instance=np.ones(count, np.int32),
        journey=np.zeros(count, np.int32), customer=np.arange(count) // 4,
        steps=("home", "product", "cart", "checkout"), instances=("", "web-1"), journeys=("buy",),
    )  # fmt: skip


def timed(call: Callable[[], object]) -> tuple[float, float]:
    """Wall and processor seconds."""
    wall, cpu = time.perf_counter(), time.process_time()
    call()
    return time.perf_counter() - wall, time.process_time() - cpu


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--rounds", type=int, default=11)
    parser.add_argument("--requests", type=int, default=1_000_000)
    given = parser.parse_args()
    records = {count: journal(count) for count in (given.requests // 10, given.requests)}
    took: dict[tuple[int, str], list[tuple[float, float]]] = {}
    for number in range(given.rounds + 1):
        for count, record in records.items():
            latency_us = record.requests.latency_us
            for name, call in (("verdict", lambda r=record: judge(r)), ("sort", lambda x=latency_us: np.sort(x))):
                seconds = timed(call)
                if number:  # the first round imports and warms up
                    took.setdefault((count, name), []).append(seconds)
    print(f"{'requests':>10}  {'verdict':>9}  {'processor':>9}  {'np.sort':>9}  {'ratio':>6}   goal")
    walls = {}
    for count in records:
        wall, cpu = (statistics.median(each) for each in zip(*took[count, "verdict"], strict=True))
        sort = statistics.median(each[0] for each in took[count, "sort"])
        walls[count] = wall
        goal = f"under {GOAL_S * 1e3:.0f} ms" if count == max(records) else ""
        figures = f"{wall * 1e3:>6.1f} ms  {cpu * 1e3:>6.1f} ms  {sort * 1e3:>6.1f} ms  {wall / sort:>6.2f}"
        print(f"{count:>10,}  {figures}   {goal}")
    small, large = walls.values()
    print(f"ten times the requests take {large / small:.1f} times as long")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
