"""Runs written by hand: 20 s before, 20 s of a fault, 10 s of recovery, 20 s after; 100 requests a second."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import numpy as np
import pytest

from chaos.model.charge import Budgeted, PlannedSlo
from chaos.model.event import FaultInjected, FaultReverted, RunEnded, WindowEnded, WindowStarted
from chaos.model.journal import Journal, RunInfo, Sample
from chaos.model.objective import Condition, Op
from chaos.model.plan import Plan, Window
from chaos.model.requests import Failure, Requests
from chaos.model.sli import Shape, Source
from chaos.model.slo import Sla
from chaos.units import Duration, Rate

AVAILABLE = Condition(
    text="availability >= 99.9%", sli="availability", source=Source.LOAD, shape=Shape.AVAILABILITY, op=Op.GE,
    threshold=0.999, budget=0.001,
)  # fmt: skip
SALE = PlannedSlo(
    name="sale", condition=AVAILABLE, window="sale", length=Duration(86400), traffic="flash-sale", factor=4.0
)


@pytest.fixture
def journal() -> Callable[..., Journal]:
    """A run; `bad_every` of the requests while the fault is on fail."""

    def write(
        *slos: PlannedSlo, slas: tuple[Sla, ...] = (), reverted: bool = True, injected: bool = True,
        bad_every: int = 10, samples: tuple[Sample, ...] = (), kind: str = "virtual", rate: int = 100,
    ) -> Journal:  # fmt: skip
        start = np.arange(0, 70_000_000, 1_000_000 // rate) if rate else np.zeros(0, np.int64)
        during = (start >= 20_000_000) & (start < 40_000_000)
        failed = during & (np.arange(len(start)) % bad_every == 0)
        count = len(start)
        requests = Requests(
            start_us=start.astype(np.int64), latency_us=np.full(count, 10_000, np.int64),
            step=np.zeros(count, np.int32), status=np.where(failed, 500, 200).astype(np.int32),
            failure=np.where(failed, Failure.STATUS, Failure.NONE).astype(np.int32),
            instance=np.zeros(count, np.int32), customer=np.arange(count, dtype=np.int64),
            journey=np.zeros(count, np.int32), lag_us=np.zeros(count, np.int64), steps=("home",),
            instances=("web-1",), journeys=("browse",),
        )  # fmt: skip
        events = [WindowStarted(at_s=0.0, window=0), WindowEnded(at_s=20.0, window=0)]
        if injected:
            events.append(FaultInjected(at_s=20.0, fault="1.1", place="web-1", took_s=0.1))
        if reverted and injected:
            events.append(FaultReverted(at_s=40.0, fault="1.1", place="web-1", took_s=0.1))
        events.append(RunEnded(at_s=70.0, status="completed"))
        window = Window(index=0, name="before", phase="before", step=None, length=Duration(20), conditions=(AVAILABLE,))
        plan = Plan(
            title="t", experiment="e.yaml", target="shop", platform="embedded", variant="default", seed=1,
            load="normal", rate=Rate(100), patience=Duration(10), warm_up=Duration(0), recovery=Duration(10),
            windows=(window,), steps=(), budgets=Budgeted(kind=kind, slos=slos, slas=slas),
        )  # fmt: skip
        info = RunInfo(id="r1", started_at=datetime(2026, 11, 25, tzinfo=UTC))
        return Journal(run=info, plan=plan, events=tuple(events), requests=requests, samples=samples)

    return write
