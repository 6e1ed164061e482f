"""Journals written by hand: a plan with its windows, the events of a run, and seeded customers."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest

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
from chaos.model.journal import Journal, RunInfo, Sample
from chaos.model.objective import NEVER_S, Condition, Op
from chaos.model.plan import Plan, PlannedFault, PlannedStep, Window
from chaos.model.requests import Failure, Requests
from chaos.model.sli import Shape, Source
from chaos.units import Duration, Rate

PLACE = "web-1 -> db"


def availability(percent: float = 99.0) -> Condition:
    return Condition(
        text=f"availability >= {percent:g}%", sli="availability", source=Source.LOAD, shape=Shape.AVAILABILITY,
        op=Op.GE, threshold=percent / 100, budget=round(1 - percent / 100, 12),
    )  # fmt: skip


def p99(limit_s: float = 2.0, steps: tuple[str, ...] = (), percentile: float = 99.0) -> Condition:
    scope = f"{steps[0]}." if steps else ""
    return Condition(
        text=f"{scope}p{percentile:g} < {limit_s:g}s", sli=f"p{percentile:g}", source=Source.LOAD, shape=Shape.LATENCY,
        op=Op.LT, threshold=limit_s, budget=round(1 - percentile / 100, 12), steps=steps, percentile=percentile,
    )  # fmt: skip


def no_worse(steps: tuple[str, ...] = (), percentile: float = 99.0, tolerance: float = 0.2) -> Condition:
    scope = f"{steps[0]}." if steps else ""
    return Condition(
        text=f"{scope}p{percentile:g} no worse than before", sli=f"p{percentile:g}", source=Source.LOAD,
        shape=Shape.LATENCY, op=Op.LE, threshold=NEVER_S, budget=round(1 - percentile / 100, 12), steps=steps,
        percentile=percentile, tolerance=tolerance,
    )  # fmt: skip


def of(shape: Shape, sli: str, op: Op, threshold: float, budget: float, source: Source = Source.LOAD) -> Condition:
    return Condition(
        text=f"{sli} {op.value} {threshold:g}", sli=sli, source=source, shape=shape, op=op, threshold=threshold,
        budget=budget,
    )  # fmt: skip


@dataclass
class Story:
    """A run of one or more latency faults: 5 s warm-up, 15 s before, 20 s during, 5 s recovery, 20 s after.

    What happens to the customers is written with `fail` and `slow`; what happens to the run, with `also` and `without`.
    """

    conditions: tuple[Condition, ...] = ()
    during: tuple[Condition, ...] | None = None
    faults: int = 1
    rate: float = 200.0  # requests a second
    seed: int = 1
    before_s: float = 15.0
    during_s: float = 20.0
    after_s: float = 20.0
    recovery_s: float = 5.0
    invariants: tuple[str, ...] = ()
    patience_s: float = 10.0
    evidence: Evidence = field(default_factory=lambda: Evidence(confirmed=True, text="+298 ms of 300 ms"))
    samples: tuple[Sample, ...] = ()
    status: str | None = "completed"
    windows: list[Window] = field(default_factory=list)
    events: list[AnyEvent] = field(default_factory=list)

    def __post_init__(self) -> None:
        if not self.conditions:
            self.conditions = (availability(), p99())
        at = 5.0
        during = self.conditions if self.during is None else self.during
        self.events = [RunStarted(at_s=0.0, pid=1, endpoint=""), TrafficStarted(at_s=0.0, pid=2, rate=self.rate / 4)]
        steady = tuple(c for c in self.conditions if c.tolerance is None)
        at = self._window("before", "before", None, self.before_s, steady, at)
        for n in range(self.faults):
            undo = Undo(kind="latency", where=PLACE)
            fault = f"{n + 1}.1"
            began = at + 0.1
            self.events += [
                WindowStarted(at_s=began, window=len(self.windows)),
                FaultIntended(at_s=began + 0.01, fault=fault, place=PLACE, undo=undo),
                FaultInjected(at_s=began + 0.05, fault=fault, place=PLACE, took_s=0.04),
                FaultConfirmed(at_s=began + 1.0, fault=fault, place=PLACE, evidence=self.evidence),
                WindowEnded(at_s=began + self.during_s, window=len(self.windows)),
                FaultReverted(at_s=began + self.during_s + 0.05, fault=fault, place=PLACE, took_s=0.05),
            ]
            self.windows.append(
                Window(
                    index=len(self.windows),
                    name=f"during {n + 1}",
                    phase="during",
                    step=n,
                    length=Duration(self.during_s),
                    conditions=during,
                )
            )
            at = began + self.during_s + self.recovery_s
            last = n == self.faults - 1
            name = f"after {n + 1}" if last else f"between {n + 1} and {n + 2}"
            at = self._window(name, "after", n, self.after_s, self.conditions, at)
        self.end_s = at
        self.events += [TrafficEnded(at_s=at + 0.1), RunEnded(at_s=at + 0.2, status="completed")]
        dice = np.random.default_rng(self.seed)
        n_requests = int(self.rate * at)
        start = np.sort(dice.integers(0, int(at * 1e6), n_requests))
        rows = np.stack(
            [
                start, (dice.gamma(4, 0.005, n_requests) * 1e6).astype(np.int64), dice.integers(10, 900, n_requests),
                np.arange(n_requests) % 4, np.full(n_requests, 200), np.zeros(n_requests, int),
                np.ones(n_requests, int), np.zeros(n_requests, int), np.arange(n_requests) // 4,
            ],
            axis=1,
        )  # fmt: skip
        self.requests = Requests.of(rows.tolist(), ("home", "product", "cart", "checkout"), ("buy",), ("", "web-1"))

    def _window(
        self, name: str, phase: Any, step: int | None, length_s: float, conditions: tuple[Condition, ...], at: float
    ) -> float:
        index = len(self.windows)
        self.windows.append(
            Window(index=index, name=name, phase=phase, step=step, length=Duration(length_s), conditions=conditions)
        )
        self.events += [WindowStarted(at_s=at, window=index), WindowEnded(at_s=at + length_s, window=index)]
        return at + length_s

    def span(self, name: str) -> tuple[float, float]:
        """When a window began and ended, in seconds."""
        index = next(w.index for w in self.windows if w.name == name)
        started = next(e.at_s for e in self.events if isinstance(e, WindowStarted) and e.window == index)
        ended = next((e.at_s for e in self.events if isinstance(e, WindowEnded) and e.window == index), self.end_s)
        return started, ended

    def chosen(self, name: str, share: float, step: str | None = None) -> Any:
        """A seeded choice among the requests of a window, as a mask."""
        start_s, end_s = self.span(name) if name else (0.0, self.end_s)
        r = self.requests
        inside = (r.start_us >= start_s * 1e6) & (r.start_us < end_s * 1e6)
        if step is not None:
            inside &= r.step == r.steps.index(step)
        return inside & (np.random.default_rng(self.seed + 99).random(len(r)) < share)

    def fail(self, name: str, share: float, step: str | None = None, failure: Failure = Failure.STATUS) -> Story:
        """So many of the window's requests fail."""
        mask = self.chosen(name, share, step)
        self.requests = dataclasses.replace(
            self.requests, failure=np.where(mask, np.int32(failure), self.requests.failure),
            status=np.where(mask, np.int32(503 if failure is Failure.STATUS else 0), self.requests.status),
        )  # fmt: skip
        return self

    def slow(self, name: str, share: float, latency_s: float, step: str | None = None) -> Story:
        """So many of the window's requests take so long."""
        mask = self.chosen(name, share, step)
        latency = np.where(mask, np.int64(latency_s * 1e6), self.requests.latency_us)
        self.requests = dataclasses.replace(self.requests, latency_us=latency)
        return self

    def slower(self, name: str, times: float) -> Story:
        """Every request of the window takes so many times as long."""
        mask = self.chosen(name, 1.0)
        latency = np.where(mask, (self.requests.latency_us * times).astype(np.int64), self.requests.latency_us)
        self.requests = dataclasses.replace(self.requests, latency_us=latency)
        return self

    def late(self, name: str, lag_s: float, share: float = 0.5) -> Story:
        """The generator sends so many of the window's requests late, which makes them look slow."""
        mask = self.chosen(name, share)
        lag = np.where(mask, np.int64(lag_s * 1e6), self.requests.lag_us)
        latency = self.requests.latency_us + np.where(mask, np.int64(lag_s * 1e6), 0)
        self.requests = dataclasses.replace(self.requests, lag_us=lag, latency_us=latency)
        return self

    def without(self, *kinds: type) -> Story:
        """The same run with no such event."""
        self.events = [event for event in self.events if not isinstance(event, kinds)]
        return self

    def also(self, *events: AnyEvent) -> Story:
        self.events += events
        return self

    def until(self, at_s: float) -> Story:
        """The record breaks off: the runner was killed."""
        self.events = [event for event in self.events if event.at_s <= at_s]
        self.requests = self.requests.only(self.requests.start_us < at_s * 1e6)
        self.status = None
        return self

    def journal(self) -> Journal:
        steps = tuple(
            PlannedStep(
                index=n,
                faults=(
                    PlannedFault(
                        id=f"{n + 1}.1", kind="latency", places=(PLACE,), duration=Duration(self.during_s), fault={},
                        text="latency: {link: web -> db, delay: 300ms}", step=n,
                    ),
                ),
            )
            for n in range(self.faults)
        )  # fmt: skip
        plan = Plan(
            title="Checkout survives a slow database", experiment="x.yaml", target="shop", platform="embedded",
            variant="resilient", seed=7, load="normal", rate=Rate(self.rate / 4), patience=Duration(self.patience_s),
            transactions={"buy": 4}, warm_up=Duration(5), recovery=Duration(self.recovery_s),
            windows=tuple(self.windows), steps=steps, invariants=self.invariants,
        )  # fmt: skip
        info = RunInfo(
            id="20261121-113301-7f3a", started_at=datetime(2026, 11, 21, 11, 33, 1, tzinfo=UTC), status=self.status
        )  # fmt: skip
        return Journal(
            run=info, plan=plan, events=tuple(sorted(self.events, key=lambda e: e.at_s)), requests=self.requests,
            samples=self.samples,
        )  # fmt: skip


class Make:
    """What tests take from here."""

    Story = Story
    availability = staticmethod(availability)
    p99 = staticmethod(p99)
    no_worse = staticmethod(no_worse)
    of = staticmethod(of)
    place = PLACE


@pytest.fixture
def make() -> type[Make]:
    return Make
