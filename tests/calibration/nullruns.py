"""Simulated runs that nothing was done to: two injections, five windows, four objectives, each met exactly."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any

import numpy as np

from chaos.judge import judge
from chaos.model.event import (
    AnyEvent,
    FaultConfirmed,
    FaultInjected,
    FaultIntended,
    FaultReverted,
    RunEnded,
    RunStarted,
    TrafficEnded,
    TrafficStarted,
    WindowEnded,
    WindowStarted,
)
from chaos.model.fault import Evidence, Undo
from chaos.model.journal import Journal, RunInfo
from chaos.model.objective import Condition, Op
from chaos.model.plan import Phase, Plan, PlannedFault, PlannedStep, Window
from chaos.model.requests import COLUMNS, Failure, Requests
from chaos.model.sli import Shape, Source
from chaos.model.verdict import Outcome
from chaos.units import Duration, Rate

from .noise import Dice, Noise, arrivals

RATE = 200.0  # requests a second, as all published figures
STEPS = ("home", "product", "cart", "checkout")
INJECTIONS = 2
WINDOW_S, WARM_UP_S, RECOVERY_S = 15.0, 2.0, 2.0
SLOW_S, QUICK_S = 3.0, 0.02
AVAILABILITY, PAGES, CHECKOUT = 0.001, 0.01, 0.05  # budgets: 99.9 %, a p99, a p95


def _load(text: str, sli: str, shape: Shape, op: Op, threshold: float, budget: float, **more: Any) -> Condition:
    return Condition(
        text=text, sli=sli, source=Source.LOAD, shape=shape, op=op, threshold=threshold, budget=budget, **more
    )


# A transaction has four requests, each of which fails as often as the availability allows.
_WHOLE = 1 - (1 - AVAILABILITY) ** len(STEPS)
CONDITIONS = (
    _load("availability >= 99.9%", "availability", Shape.AVAILABILITY, Op.GE, 1 - AVAILABILITY, AVAILABILITY),
    _load("pages.p99 < 2s", "p99", Shape.LATENCY, Op.LT, 2.0, PAGES, steps=("home", "product"), percentile=99.0),
    _load("checkout.p95 < 2s", "p95", Shape.LATENCY, Op.LT, 2.0, CHECKOUT, steps=("checkout",), percentile=95.0),
    _load("transactions >= 99.6%", "transactions", Shape.TRANSACTIONS, Op.GE, 1 - _WHOLE, _WHOLE),
)


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What one run was said to show. `alarm`: any condition in any window was called deviated, also where the shop
    was not steady before, which the run's outcome would not be blamed for."""

    outcome: Outcome
    alarm: bool


@cache
def stage() -> tuple[Plan, tuple[AnyEvent, ...], float]:
    """The plan, the events, and how long it takes: the same for every run."""
    windows: list[Window] = []
    events: list[AnyEvent] = [RunStarted(at_s=0, pid=1, endpoint=""), TrafficStarted(at_s=0, pid=2, rate=RATE / 4)]
    at_s = WARM_UP_S

    def window(name: str, phase: Phase, step: int | None) -> None:
        nonlocal at_s
        index = len(windows)
        windows.append(
            Window(index=index, name=name, phase=phase, step=step, length=Duration(WINDOW_S), conditions=CONDITIONS)
        )
        events.append(WindowStarted(at_s=at_s, window=index))
        if phase == "during":
            where = {"fault": f"{step}.1", "place": "placebo"}
            events.append(FaultIntended(at_s=at_s, undo=Undo(kind="placebo", where="placebo"), **where))
            events.append(FaultInjected(at_s=at_s, took_s=0.0, **where))
            events.append(FaultConfirmed(at_s=at_s, evidence=Evidence(confirmed=True, text="nothing"), **where))
            events.append(FaultReverted(at_s=at_s + WINDOW_S, took_s=0.0, **where))
        at_s += WINDOW_S
        events.append(WindowEnded(at_s=at_s, window=index))

    window("before", "before", None)
    for step in range(INJECTIONS):
        window(f"during {step + 1}", "during", step)
        at_s += RECOVERY_S
        window(f"after {step + 1}", "after", step)
    events += [TrafficEnded(at_s=at_s + 1), RunEnded(at_s=at_s + 1, status="completed")]
    steps = tuple(PlannedStep(index=n, faults=(_placebo(n),)) for n in range(INJECTIONS))
    plan = Plan(
        title="Nothing", experiment="", target="simulated", platform="none", variant="null", seed=1, load="normal",
        rate=Rate(RATE / len(STEPS)), patience=Duration(10), transactions={"buy": len(STEPS)},
        warm_up=Duration(WARM_UP_S), recovery=Duration(RECOVERY_S), windows=tuple(windows), steps=steps,
    )  # fmt: skip
    return plan, tuple(sorted(events, key=lambda event: event.at_s)), at_s


def _placebo(step: int) -> PlannedFault:
    return PlannedFault(
        id=f"{step}.1", kind="placebo", places=("placebo",), duration=Duration(WINDOW_S), fault={}, step=step,
        text=f"placebo: {{for: {WINDOW_S:g}s}}",
    )  # fmt: skip


def null_run(dice: Dice, noise: Noise, load: float = 1.0) -> Journal:
    """`load`: which part of each budget is used up, over a long time; 1 is the worst that is still no deviation."""
    plan, events, length_s = stage()
    at_s = arrivals(dice, RATE, length_s)
    n = len(at_s)
    slow = noise(dice, at_s, PAGES * load)
    # Checkouts may be slow more often: of those that are not, so many more.
    more = noise(dice, at_s, 1 - (1 - CHECKOUT * load) / (1 - PAGES * load))
    step = np.arange(n) % len(STEPS)
    slow |= more & (step == STEPS.index("checkout"))
    failed = noise(dice, at_s, AVAILABILITY * load)
    columns: dict[str, Any] = {name: np.zeros(n, kind) for name, kind in COLUMNS.items()}
    columns |= {
        "start_us": (at_s * 1e6).astype(np.int64),
        "latency_us": (np.where(slow, SLOW_S, QUICK_S) * 1e6).astype(np.int64),
        "step": step.astype(np.int32), "status": np.where(failed, 503, 200).astype(np.int32),
        "failure": np.where(failed, Failure.STATUS, Failure.NONE).astype(np.int32), "customer": np.arange(n) // 4,
    }  # fmt: skip
    info = RunInfo(id="null", started_at=datetime(2026, 11, 21, tzinfo=UTC), status="completed")
    return Journal(
        run=info, plan=plan, events=events, requests=Requests(**columns, steps=STEPS, journeys=("buy",))
    )  # fmt: skip


def judged(journal: Journal) -> Seen:
    """By the judge itself."""
    verdict = judge(journal)
    alarm = any(check.outcome is Outcome.DEVIATED for check in verdict.checks)
    return Seen(outcome=verdict.outcome, alarm=alarm)


def with_failures(journal: Journal, window: str, ratio: float, dice: Dice) -> Journal:
    """The same run, and in that window so many requests fail."""
    index = next(w.index for w in journal.plan.windows if w.name == window)
    ends = {e.at_s for e in journal.events if isinstance(e, WindowStarted | WindowEnded) and e.window == index}
    start_us = journal.requests.start_us
    hit = (start_us >= min(ends) * 1e6) & (start_us < max(ends) * 1e6) & (dice.random(len(start_us)) < ratio)
    failure = np.where(hit, np.int32(Failure.STATUS), journal.requests.failure)
    return dataclasses.replace(journal, requests=dataclasses.replace(journal.requests, failure=failure))
