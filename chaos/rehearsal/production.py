"""Production is armed by its name, is watched by a guard, and starts with the smallest dose."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import msgspec

from chaos.errors import Refused
from chaos.planner.places import places_of

if TYPE_CHECKING:
    from chaos.model.experiment import Experiment, FaultSpec
    from chaos.model.plan import Plan, PlannedFault
    from chaos.model.platform import Inventory
    from chaos.model.target import Target

PRODUCTION = "production"
# What arms a run where nobody can type, as in CI.
ARM_VARIABLE = "SALEPROOF_ARM"


def ask_to_arm(target: Target) -> str | None:
    """What a person types on a terminal when asked for the target's name; None where there is no terminal, or no need.
    The question goes to stderr: stdout is for the result."""
    if target.environment != PRODUCTION or not (sys.stdin.isatty() and sys.stderr.isatty()):
        return None
    sys.stderr.write(f"{target.name} is production. Type its name to run this experiment on it: ")
    sys.stderr.flush()
    return sys.stdin.readline().strip()


def refuse_unarmed(target: Target, armed: str | None) -> None:
    """`armed` is the name that somebody gave, by whichever way. Raises: Refused."""
    if target.environment != PRODUCTION or armed == target.name:
        return
    got = f"'{armed}' is not its name" if armed else "nobody armed it"
    raise Refused(
        f"the target '{target.name}' is production, and {got}; arm this run with --arm {target.name}, in CI with "
        f"{ARM_VARIABLE}={target.name}"
    )


def refuse_unsafe_plan(experiment: Experiment, target: Target, inventory: Inventory, plan: Plan) -> None:
    """In production: a guard that can measure, and no fault on everything at once unless the experiment says so.

    Raises: Refused.
    """
    if target.environment != PRODUCTION:
        return
    if not (
        plan.abort or experiment.abort_deviated
    ):  # that they can be measured at all, the file's reader and the preflight have looked
        raise Refused(
            f"{experiment.path}: it has no abort condition, and '{target.name}' is production: a run there needs a "
            "guard; add for example abort: [error-rate > 5% for 3s]"
        )
    for step, planned in zip(experiment.method, plan.steps, strict=True):
        for spec, fault in zip(step.faults, planned.faults, strict=True):
            # A share rounds: 90 % of three is all three.
            whole = msgspec.structs.replace(spec, scope=msgspec.structs.replace(spec.scope, share=None))
            places, _ = places_of(whole, target, inventory, seed=plan.seed, fault_id=fault.id, path=experiment.path)
            if 1 < len(places) == len(fault.places):
                _refuse_all(spec, fault, experiment, target)


def _refuse_all(spec: FaultSpec, fault: PlannedFault, experiment: Experiment, target: Target) -> None:
    """Unless the experiment says in words that it means all of them."""
    if spec.scope.share is not None and spec.scope.share >= 1:
        return
    if spec.scope.between is not None:
        remedy = "name two instances, such as between: [[web-1], [db]]"
    else:
        remedy = f"say share: 1/{len(fault.places)} to begin with, or share: 100% if all of them are meant"
    where = f"{experiment.path}:{spec.line}" if spec.line else experiment.path
    raise Refused(
        f"{where}: {fault.kind} acts on all {len(fault.places)} at once ({', '.join(fault.places[:3])}, ...), and "
        f"'{target.name}' is production; {remedy}"
    )
