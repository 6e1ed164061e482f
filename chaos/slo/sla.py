"""What a missed promise costs. Of several objectives and steps the dearest counts; credits do not add up."""

from __future__ import annotations

from collections.abc import Mapping

from chaos.model.charge import Cost
from chaos.model.slo import Sla, Tier


def cost(sla: Sla, attained: Mapping[str, float], goals: Mapping[str, float]) -> Cost:
    """What is due when each objective (by name) attained this share of good in the window. `goals` are what they should
    attain. An objective that nobody measured costs nothing and earns nothing."""
    due = [
        _cost(sla, tier, name, incentive=False)
        for name in sla.slos
        if name in attained
        for tier in sla.penalties
        if _missed(tier, attained[name], goals[name])
    ]
    if due:
        return max(due, key=_weight)
    measured = [attained[name] for name in sla.slos if name in attained]
    earned = [
        _cost(sla, tier, sla.slos[0], incentive=True)
        for tier in sla.incentives
        if len(measured) == len(sla.slos) and min(measured) >= (tier.limit or 0)
    ]
    return max(earned, key=_weight) if earned else Cost(sla=sla.name)


def _missed(tier: Tier, attained: float, goal: float) -> bool:
    return attained < (goal if tier.limit is None else min(goal, tier.limit))


def _cost(sla: Sla, tier: Tier, slo: str, *, incentive: bool) -> Cost:
    amount = tier.amount
    if amount is None and sla.fee is not None and tier.share is not None:
        amount = sla.fee.share(tier.share)
    share = None if tier.share is None else float(tier.share)
    return Cost(sla=sla.name, slo=slo, share=share, amount=amount, incentive=incentive)


def _weight(one: Cost) -> float:
    """Comparable within one SLA: its file says the fee wherever shares and amounts are mixed."""
    return float(one.amount.hundredths) if one.amount is not None else one.share or 0.0
