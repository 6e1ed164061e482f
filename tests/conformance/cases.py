"""The parameters and the place that each fault is tried with on the small target."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from chaos.faults import FAULTS
from chaos.planner.inventory import PLANNED
from chaos.spec.method import read_method
from chaos.spec.problems import Problems
from chaos.spec.yaml import parse
from chaos.units import Bytes, Duration, Ratio


@dataclass(frozen=True, kw_only=True)
class Case:
    """Where, and parameters that a small shop shows quickly; without any, those of the fault's own example."""

    where: str
    parameters: dict[str, Any] = field(default_factory=dict)


CASES: dict[str, Case] = {
    "latency": Case(where="edge -> web", parameters={"delay": Duration(0.2), "jitter": Duration(0.02)}),
    "bandwidth": Case(where="web -> cache", parameters={"per_second": Bytes(50_000)}),
    "reset": Case(where="web -> cache"),
    "slow-close": Case(where="web -> cache", parameters={"delay": Duration(0.5)}),
    "slicer": Case(where="edge -> web", parameters={"size": Bytes(64), "delay": Duration(0.05)}),
    "limit-data": Case(where="edge -> web", parameters={"bytes": Bytes(1000)}),
    "stop": Case(where="cache"),
    "loss": Case(where="web", parameters={"ratio": Ratio(0.3)}),
    "rate": Case(where="web", parameters={"per_second": Bytes(100_000)}),
    "corrupt": Case(where="web", parameters={"ratio": Ratio(0.3)}),
    "duplicate": Case(where="web", parameters={"ratio": Ratio(0.3)}),
    "reorder": Case(where="web", parameters={"ratio": Ratio(0.3)}),
    "cpu": Case(where="web", parameters={"cores": 0.05}),
    "cpu-pressure": Case(where="web", parameters={"processes": 2}),
    "memory": Case(where="web", parameters={"limit": Bytes(64_000_000)}),
    "memory-pressure": Case(where="web", parameters={"leave": Bytes(16_000_000)}),
    "disk-full": Case(where="cache", parameters={"path": "/data"}),
    "slow-disk": Case(where="web", parameters={"per_second": Bytes(1_000_000)}),
    "surge": Case(where="traffic", parameters={"times": 4.0}),
}
# Where a fault is tried that has no case.
WHERE = {"link": "edge -> web", "groups": "web -> cache", "service": "web"}

# The traffic and the user's own are the same everywhere, and tried on the tiny shop alone.
OFFERED = {"tiny": PLANNED["embedded"] | {"TrafficShaper", "Anything"}, **PLANNED}


def small(kind: str) -> tuple[Any, str]:
    """The fault with parameters for a small shop, and where."""
    case = CASES.get(kind, Case(where=WHERE.get(FAULTS[kind].acts_on, kind)))
    if case.parameters:
        return FAULTS[kind](**case.parameters), case.where
    problems = Problems("example.yaml")
    (step,) = read_method(parse(f"- {FAULTS[kind].example}", "example.yaml"), FAULTS, None, problems)
    problems.done()
    return step.faults[0].fault, case.where
