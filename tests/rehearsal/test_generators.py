"""How many processes send a run's customers."""

from __future__ import annotations

import os
from typing import Any

import pytest

from chaos.model.plan import Plan, PlannedFault, PlannedStep
from chaos.model.target import Journey, Step, Traffic
from chaos.rehearsal.begin import Options
from chaos.rehearsal.traffic import generators_of
from chaos.units import Duration, Rate

HOME = Step(name="home", method="GET", path="/")
TRAFFIC = Traffic(
    entry="web", rate=Rate(4_000), profiles={"normal": 1, "sale": 2}, steps={"home": HOME},
    journeys=(Journey(name="look", weight=1, steps=("home",)),),
)  # fmt: skip


def a_plan(*faults: dict[str, Any], load: str = "normal") -> Plan:
    steps = tuple(
        PlannedStep(
            index=n,
            faults=(
                PlannedFault(
                    id=f"{n + 1}.1", kind=fault.pop("kind"), places=("traffic",), duration=Duration(5), fault=fault,
                    text="", step=n,
                ),
            ),
        )
        for n, fault in enumerate(faults)
    )  # fmt: skip
    return Plan(
        title="A sale", experiment="x.yaml", target="shop", platform="embedded", variant="resilient", seed=1,
        load=load, rate=TRAFFIC.rate, patience=Duration(10), warm_up=Duration(1), recovery=Duration(1), windows=(),
        steps=steps,
    )  # fmt: skip


@pytest.fixture(autouse=True)
def eight_processors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)))


def test_the_surge_and_the_profile_are_counted() -> None:
    """One process is enough for 4,000 requests a second, not for four times or twice as many; other faults are none."""
    options = Options(variant="resilient")
    assert generators_of(a_plan({"kind": "latency", "delay": 9.0}), TRAFFIC, options) == 1
    assert generators_of(a_plan({"kind": "surge", "times": 4.0}), TRAFFIC, options) == 4
    assert generators_of(a_plan({"kind": "surge", "times": 0.5}), TRAFFIC, options) == 1
    assert generators_of(a_plan(load="sale"), TRAFFIC, options) == 2


def test_somebody_may_say_how_many() -> None:
    """Whatever the rate."""
    assert generators_of(a_plan(), TRAFFIC, Options(variant="resilient", generators=3)) == 3
