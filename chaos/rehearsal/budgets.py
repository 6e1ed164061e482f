"""The error budgets of a target as they are now: who counts them, and whether they allow a run."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Collection, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from msgspec.structs import replace

from chaos.engine.halt import person
from chaos.errors import Refused, SaleproofError
from chaos.model.plan import Plan
from chaos.model.sli import Source
from chaos.slo.gate import reasons, worst_case
from chaos.slo.queries import NoCounters, measured
from chaos.slo.status import BudgetStatus, real, virtual

if TYPE_CHECKING:
    from chaos.model.charge import ChargedRun
    from chaos.model.objective import Condition
    from chaos.model.slo import Slo
    from chaos.model.target import Target
    from chaos.slis.counting import PrometheusCounting
    from chaos.store import Store

# No window is longer than a year; a leap day and a start in the middle of one are within this.
REMEMBERED = timedelta(days=400)


@contextlib.contextmanager
def users(target: Target, variant: str) -> Iterator[PrometheusCounting]:
    """Who counts real users: the Prometheus server of the target. Raises: Unavailable, when its address cannot be
    had."""
    from chaos.slis.access import Access
    from chaos.slis.counting import PrometheusCounting
    from chaos.slis.prometheus_api import PrometheusApi

    server = target.prometheus_of(variant)
    counting = PrometheusCounting(PrometheusApi(Access.of(server, os.environ)), target.slis, server.variables)
    try:
        yield counting
    finally:
        counting.close()


def statuses(target: Target, variant: str, charged: Sequence[ChargedRun], now: datetime) -> tuple[BudgetStatus, ...]:
    """The virtual budget of each SLO, and the real one of those whose users are counted, or were charged before."""
    found = [virtual(slo, target.events, charged, now) for slo in target.slos]
    counted = [slo for slo in target.slos if _is_counted(slo, target, variant)]
    ours = {run.charge.slo for run in charged if run.charge.budget == "real"}
    rest = [slo for slo in target.slos if slo not in counted and slo.name in ours]
    if counted:
        try:
            with users(target, variant) as counting:
                found += [_real(slo, target, charged, now, counting) for slo in counted]
        except SaleproofError as cause:
            found += [_unknown(slo, cause) for slo in counted]
    return (*found, *(real(slo, target.events, charged, now, None) for slo in rest))


def charged_conditions(plan: Plan) -> tuple[Condition, ...]:
    """What has to be read besides the plan's own conditions, so that the run can be charged to the real budget."""
    if plan.budgets.kind != "real":
        return ()
    return tuple(slo.condition for slo in plan.budgets.slos if slo.condition.source is Source.PROMQL)


def within_budget(plan: Plan, target: Target, store: Store, *, ignore: bool) -> Plan:
    """The plan, if every gate is open; with `ignore` the plan that says which was not. Nothing was touched yet.
    Raises: Refused."""
    kind, applies = plan.budgets.kind, target.gates.applies_to
    if applies == "none" or (applies == "real" and kind != "real") or not any(step.faults for step in plan.steps):
        return plan
    now = datetime.now(UTC)
    found = statuses(target, plan.variant, store.charged(target.name, now - REMEMBERED), now)
    shut = [
        reason
        for slo in plan.budgets.slos
        if kind == "virtual" or slo.is_on(now)
        for status in found
        if (status.slo, status.kind) == (slo.name, kind)
        for reason in reasons(target.gates, status, worst_case(plan, slo, blast(plan, target)))
    ]
    if not shut:
        return plan
    if ignore:
        return replace(plan, budgets=replace(plan.budgets, ignored=f"{'; '.join(shut)} (by {person()})"))
    raise Refused(
        f"the error budget does not allow this run: {'; '.join(shut)}. See: saleproof slo status. With --ignore-budget "
        "it runs all the same, and the record says so"
    )


def blast(plan: Plan, target: Target) -> float:
    """The largest share of the target that one step of the plan reaches: the share of a service's running instances
    (of the callers, where it is on links), those of several services together. What cannot be told is all of it."""
    return max((_reach({p for f in s.faults for p in f.places}, target) for s in plan.steps if s.faults), default=0.0)


def _reach(places: Collection[str], target: Target) -> float:
    instances = {place.split(" -> ")[0] for place in places}
    if not instances or not instances <= set(target.instances()):
        return 1.0
    hit: dict[str, int] = {}
    for instance in instances:
        service = target.service_of(instance)
        hit[service] = hit.get(service, 0) + 1
    return min(1.0, sum(count / max(1, len(target.running(service))) for service, count in hit.items()))


def _is_counted(slo: Slo, target: Target, variant: str) -> bool:
    """By a server that the target names: metrics that are read from the instances themselves are in one only if it
    says so."""
    if slo.objective is None or (target.prometheus is None and slo.objective.source is not Source.PROMQL):
        return False
    try:
        measured(slo, target.slis, target.prometheus_of(variant).variables)
    except NoCounters:
        return False
    return True


def _real(
    slo: Slo, target: Target, charged: Sequence[ChargedRun], now: datetime, counting: PrometheusCounting
) -> BudgetStatus:
    try:
        return real(slo, target.events, charged, now, counting)
    except SaleproofError as cause:
        return _unknown(slo, cause)


def _unknown(slo: Slo, cause: SaleproofError) -> BudgetStatus:
    note = f"cannot be read: {cause}"
    return BudgetStatus(slo=slo.name, objective=slo.condition, window=str(slo.window), kind="real", note=note)
