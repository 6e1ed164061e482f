"""The experiment of a run without a fault: the target's own objectives around a placebo."""

from __future__ import annotations

from collections.abc import Sequence

from chaos.faults.placebo import Placebo
from chaos.model.experiment import Experiment, FaultSpec, MethodStep, Scope, Windows
from chaos.model.objective import Condition
from chaos.model.target import Target
from chaos.units import Duration

WARM_UP = Duration(2)
TAG = "calibration"


def title(target: Target) -> str:
    """By which such runs are known in the record."""
    return f"Calibration of {target.name}: nothing is broken"


def objectives(target: Target) -> tuple[Condition, ...]:
    """Those of its SLOs, each sentence once."""
    found = {slo.objective.text: slo.objective for slo in target.slos if slo.objective is not None}
    return tuple(found.values())


def experiment(
    target: Target, conditions: Sequence[Condition], window: Duration, abort: Sequence[Condition] = ()
) -> Experiment:
    """Judged like every other. Its text is the file that would say the same, but for a second objective on one SLI,
    which a file may not have."""
    first = {condition.key: condition for condition in reversed(conditions)}
    load = "normal" if target.traffic is not None else "none"
    lines = [
        f"title: '{title(target)}'", f"target: {target.name}", f"tags: [{TAG}]",
        f"windows: {{warm-up: {WARM_UP}, before: {window}, after: {window}}}",
        "hypothesis:", *(f"  {'-' if first[each.key] == each else '#'} {each.text}" for each in conditions),
        "method:", f"  - placebo: {{for: {window}}}", "recovery: 0s",
    ]  # fmt: skip
    lines += ["abort:", *(f"  - {condition.text}" for condition in abort)] if abort else []
    placebo = FaultSpec(
        kind=Placebo.kind, fault=Placebo(), scope=Scope(), duration=window, text=f"placebo: {{for: {window}}}"
    )
    return Experiment(
        title=title(target), target=target.name, load=load, tags=(TAG,), recovery=Duration(0),
        windows=Windows(warm_up=WARM_UP, before=window, after=window), hypothesis=tuple(conditions),
        method=(MethodStep(faults=(placebo,)),), abort=tuple(abort), text="\n".join(lines) + "\n",
    )  # fmt: skip
