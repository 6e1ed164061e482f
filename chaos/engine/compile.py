"""A plan as an experiment that the Chaos Toolkit's engine runs: ours, and the one that `saleproof export` writes."""

from __future__ import annotations

from typing import Any

from chaos.model.plan import Plan, PlannedStep

ACTIVITIES = "chaos.engine.activities"


def compile_plan(plan: Plan) -> dict[str, Any]:
    """Steps become actions, sentences become probes with a range tolerance on their bad fraction, so that the numbers
    stay in the journal (a float or a None as tolerance would be refused or would let an exception escape)."""
    method: list[dict[str, Any]] = []
    seen_faults = False
    for step in plan.steps:
        if step.faults and seen_faults:
            shared = next(w for w in plan.windows if w.phase == "after" and w.step == _before(plan, step))
            method.append(_activity("action", f"steady state {shared.name}", "between", {"window": shared.index}))
        seen_faults = seen_faults or bool(step.faults)
        method.append(_activity("action", _step_name(step), "inject", {"step": step.index}))
    return {
        "version": "1.0.0",
        "title": plan.title,
        "description": plan.why or plan.title,
        "tags": ["saleproof", f"target:{plan.target}"],
        "steady-state-hypothesis": {"title": "The SLIs meet their objectives", "probes": _probes(plan)},
        "method": method,
        "rollbacks": [],
    }


def _probes(plan: Plan) -> list[dict[str, Any]]:
    # The hypothesis is the same before and after; `during` has its own sentences, which the verdict judges.
    probes = []
    for number, condition in enumerate(plan.windows[0].conditions):
        probe = _activity("probe", condition.text, "steady_state", {"condition": number})
        probes.append(probe | {"tolerance": {"type": "range", "target": "value", "range": [0, condition.budget]}})
    whole = _activity("probe", "the whole run, as Saleproof judges it", "whole_run", {})
    return [*probes, whole | {"tolerance": 0}]


def _before(plan: Plan, step: PlannedStep) -> int:
    return max(s.index for s in plan.steps[: step.index] if s.faults)


def _step_name(step: PlannedStep) -> str:
    return f"wait {step.wait}" if step.wait is not None else " + ".join(fault.text for fault in step.faults)


def _activity(kind: str, name: str, func: str, arguments: dict[str, Any]) -> dict[str, Any]:
    provider = {"type": "python", "module": ACTIVITIES, "func": func, "arguments": arguments}
    return {"type": kind, "name": name, "provider": provider}
