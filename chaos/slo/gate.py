"""May a run begin, as far as the error budgets go? VERDICTS section 2.

The worst case of a run is that everything in its blast radius fails until the guard has seen it, the faults are taken
back and the shop has recovered; or that just so much fails that the guard never sees it, for as long as the faults are
on. The dearer one counts. Rates cancel: both the cost and the budget are so many seconds of the same traffic.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from chaos.model.charge import PlannedSlo
from chaos.model.objective import Condition, Op
from chaos.model.plan import Plan
from chaos.model.sli import Shape, Source
from chaos.model.slo import Gates
from chaos.model.words import percent, share
from chaos.slo.status import BudgetStatus

# The guard looks four times a second; a second is what it takes at most to look, decide and begin to revert.
GUARD_S = 1.0
# Nobody may be left to revert: then the lease of the faults runs out. Seconds.
REVERT_S = 10.0

# What has no answer has failed, too; but a customer, or a transaction, is bad by one request of many.
_REQUESTS = frozenset({Shape.AVAILABILITY, Shape.ERROR_RATE, Shape.THROUGHPUT})
_SEEN_BY = {Shape.AVAILABILITY: _REQUESTS, Shape.ERROR_RATE: _REQUESTS}


def reasons(gates: Gates, status: BudgetStatus, worst: float) -> tuple[str, ...]:
    """Why a run must not begin; nothing when it may. `worst` is what it can cost, as a share of the whole budget."""
    what = f"{status.slo} ({status.objective}, {status.window})"
    if status.left is None:
        return (f"{what}: its budget is not known: {status.note}",)
    found = []
    if status.left < gates.budget_left:
        left = "nothing" if status.left <= 0 else percent(status.left)
        found.append(f"{what}: {left} of its {status.kind} budget is left, and a run needs {gates.budget_left}")
    if status.burn is not None and status.burn >= gates.burn_rate:
        found.append(
            f"{what}: the last hour burnt at {status.burn:.3g} times the allowed rate, and a run needs less than "
            f"{gates.burn_rate:g}"
        )
    if status.left > 0 and worst > gates.worst_case * status.left:
        found.append(
            f"{what}: at worst the run costs {share(worst / status.left)} of what is left of its {status.kind} budget, "
            f"and may cost {gates.worst_case}"
        )
    return tuple(found)


def worst_case(plan: Plan, slo: PlannedSlo, blast: float) -> float:
    """What the run can cost, as a share of the window's whole budget. `blast` is the share of the traffic that its
    faults can reach."""
    on_s = sum(max((float(f.duration) for f in step.faults), default=0.0) for step in plan.steps)
    injections = sum(1 for step in plan.steps if step.faults)
    if not injections:
        return 0.0
    rest_s = injections * (REVERT_S + float(plan.recovery))
    bad_s = on_s + rest_s
    # A guard on somebody else's scrapes sees them later.
    delays = {source.sli: float(source.delay) for source in plan.sources}
    for guard in _guards(plan.abort, slo.condition):
        # One abort ends the run: what was injected before it stayed below the guard's limit.
        seen_s = float(guard.hold) + delays.get(guard.sli, 0.0) + GUARD_S + REVERT_S + float(plan.recovery)
        unseen_s = min(1.0, guard.budget) * (on_s + rest_s)
        bad_s = min(bad_s, seen_s + unseen_s if injections > 1 else max(seen_s, unseen_s))
    bad_s *= blast
    length_s, budget = float(slo.length), slo.condition.budget
    if slo.slice is not None:
        # Trouble of a second spoils the slice that it is in, and its end another one.
        return (math.ceil(bad_s / float(slo.slice)) + 1) * float(slo.slice) / (budget * length_s)
    return bad_s / (budget * length_s)


def _guards(abort: Iterable[Condition], objective: Condition) -> list[Condition]:
    """The abort conditions that see what the objective is about."""
    return [guard for guard in abort if _sees(guard, objective)]


def _sees(guard: Condition, objective: Condition) -> bool:
    """Does the guard see whatever is bad for the objective, in the same proportion? One over all requests does not see
    how bad a single step is, nor a percentile below 5 s what is slower than 2 s."""
    if guard.source is not objective.source or set(guard.steps) != set(objective.steps):
        return False
    if guard.source is not Source.LOAD and guard.sli.split(".")[0] != objective.sli.split(".")[0]:
        return False
    if guard.shape in (Shape.LATENCY, Shape.HISTOGRAM):
        return guard.shape is objective.shape and guard.threshold <= objective.threshold
    if guard.shape is Shape.GAUGE:
        # A guard looks the other way: `queue > 500` sees what `queue < 500` is about, and `queue > 900` not all of it.
        upwards = guard.op in (Op.GT, Op.GE)
        same = upwards != (objective.op in (Op.GT, Op.GE))
        return same and (guard.threshold <= objective.threshold if upwards else guard.threshold >= objective.threshold)
    return objective.shape in _SEEN_BY.get(guard.shape, frozenset({guard.shape}))
