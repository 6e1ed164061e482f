"""Production is armed by its name or by a signature, is watched by a guard, and starts with the smallest dose."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from chaos.engine.halt import person
from chaos.errors import Refused
from chaos.model.base import Noun
from chaos.model.experiment import Scope
from chaos.planner.places import places_of
from chaos.rehearsal.arming import verify

if TYPE_CHECKING:
    from chaos.model.experiment import Experiment, FaultSpec
    from chaos.model.plan import Plan, PlannedFault
    from chaos.model.platform import Inventory
    from chaos.model.target import Link, Target

PRODUCTION = "production"
# What arms a run where nobody can type, as in CI: the target's name, and a file that `saleproof arm` has made.
ARM_VARIABLE, ARM_FILE_VARIABLE = "SALEPROOF_ARM", "SALEPROOF_ARM_FILE"


class Arming(Noun):
    """What was given to arm a run: the target's name, `typed` when a person did at a terminal, or a signed file."""

    name: str = ""
    typed: bool = False
    signed: str = ""


def given(target: Target, *, name: str | None = None, signed: str | None = None) -> Arming:
    """What the command line, the environment, or else a person on a terminal gives."""
    signed = signed or os.environ.get(ARM_FILE_VARIABLE) or ""
    name = name or os.environ.get(ARM_VARIABLE) or ""
    if signed or (name and not target.armed_by):
        return Arming(name=name, signed=signed)
    typed = _ask(target)
    return Arming(name=name) if typed is None else Arming(name=typed, typed=True)


def _ask(target: Target) -> str | None:
    """What a person types on a terminal when asked for the target's name; None where there is no terminal, or no need.
    The question goes to stderr: stdout is for the result."""
    if target.environment != PRODUCTION or not (sys.stdin.isatty() and sys.stderr.isatty()):
        return None
    sys.stderr.write(f"{target.name} is production. Type its name to do this on it: ")
    sys.stderr.flush()
    return sys.stdin.readline().strip()


def refuse_unarmed(target: Target, arming: Arming, experiment: Experiment | None = None) -> str:
    """By whom it is armed, in words; empty where nobody needs to. Raises: Refused; SpecError for a signed file that is
    none; Unavailable without OpenSSH."""
    if target.environment != PRODUCTION:
        return ""
    if arming.signed and experiment is not None:
        return str(verify(Path(arming.signed), target, experiment))
    named = arming.name == target.name
    if named and (arming.typed or not target.armed_by):
        return person()
    if named or target.armed_by:
        got = f"'{arming.name}' is not its name" if arming.typed else "its name is not enough where nobody can type it"
        sign = " and pass what `saleproof arm` has signed with --arm-signed FILE" if experiment is not None else ""
        raise Refused(
            f"the target '{target.name}' is production, and {got}: its file says who arms it (armed-by: "
            f"{target.armed_by}); run this on a terminal{sign and ', or'}{sign.removeprefix(' and')}"
        )
    got = f"'{arming.name}' is not its name" if arming.name else "nobody armed it"
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
            whole = msgspec.structs.replace(spec.scope, share=None)
            if 1 < len(fault.places) == _places(spec, whole, experiment, target, inventory):
                _refuse_all(spec, fault, experiment, target)
            if "toxicity" not in spec.said and hasattr(spec.fault, "toxicity") and len(fault.places) == 1:
                link = inventory.proxies[fault.places[0]].link
                if _places(spec, Scope(link=link.name), experiment, target, inventory) == 1:
                    _refuse_every_connection(spec, fault, experiment, target, link)


def _places(spec: FaultSpec, scope: Scope, experiment: Experiment, target: Target, inventory: Inventory) -> int:
    """How many places a fault would have if that were its scope."""
    other = msgspec.structs.replace(spec, scope=scope)
    return len(places_of(other, target, inventory, seed=0, fault_id="", path=experiment.path)[0])


def _refuse_all(spec: FaultSpec, fault: PlannedFault, experiment: Experiment, target: Target) -> None:
    """Unless the experiment says in words that it means all of them."""
    if spec.scope.share is not None and spec.scope.share >= 1:
        return
    if spec.scope.between is not None:
        remedy = "name two instances, such as between: [[web-1], [db]]"
    else:
        remedy = f"say share: 1/{len(fault.places)} to begin with, or share: 100% if all of them are meant"
    some = ", ".join(fault.places[:3])
    raise Refused(
        f"{_place(experiment, spec)}: {fault.kind} acts on all {len(fault.places)} at once ({some}, ...), and "
        f"'{target.name}' is production; {remedy}"
    )


def _refuse_every_connection(
    spec: FaultSpec, fault: PlannedFault, experiment: Experiment, target: Target, link: Link
) -> None:
    """Where a link has one proxy only, no share of instances makes the dose smaller, but a share of connections does:
    the file has to say which. Faults without `toxicity` have no smaller dose either."""
    raise Refused(
        f"{_place(experiment, spec)}: {fault.kind} meets every connection of {link.name}, and '{target.name}' is "
        "production; say toxicity: 10% to begin with, or toxicity: 100% if all of them are meant"
    )


def _place(experiment: Experiment, spec: FaultSpec) -> str:
    return f"{experiment.path}:{spec.line}" if spec.line else experiment.path
