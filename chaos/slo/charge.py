"""Charge a run to the error budgets: what its customers felt from the first injection until the shop was well again.

Synthetic customers are charged to a virtual budget. Their bad requests are scaled to the traffic that the window
expects: what would the sale's own customers have felt? Real users' bad requests are charged as they are.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from chaos.model.charge import Charge, PlannedSlo, SlaCharge
from chaos.model.counting import judge_rows, named, sample_counts
from chaos.model.event import FaultInjected, FaultIntended, FaultReverted, WindowEnded, WindowStarted
from chaos.model.journal import Journal
from chaos.model.sli import Shape, Source
from chaos.model.slo import Sla
from chaos.slo.budget import lasts_s, slices
from chaos.slo.sla import cost
from chaos.units import Duration

Floats = NDArray[np.float64]

# A customer's journey is looked at from so long before a span to so long after it: longer than one takes.
MARGIN_S = 60.0


@dataclass(frozen=True, kw_only=True, slots=True)
class _Counted:
    """What an SLI counted, in order of time: `total` events at `at_s`, of which `bad`."""

    at_s: Floats
    bad: Floats
    total: Floats

    def within(self, span: tuple[float, float]) -> _Counted:
        there = (self.at_s >= span[0]) & (self.at_s < span[1])
        return _Counted(at_s=self.at_s[there], bad=self.bad[there], total=self.total[there])


def charges(journal: Journal) -> tuple[Charge, ...]:
    """One for each SLO of the plan that the run measured. Nothing for a run that disturbed nothing."""
    spans = _disturbed(journal)
    if spans is None:
        return ()
    journal = dataclasses.replace(journal, requests=journal.requests.by_start())
    budgets = journal.plan.budgets
    slos = (slo for slo in budgets.slos if budgets.kind == "virtual" or slo.is_on(journal.run.started_at))
    found = (_charge(slo, journal, *spans) for slo in slos)
    return tuple(charge for charge in found if charge is not None)


def sla_charges(slas: Sequence[Sla], charged: Sequence[Charge], slos: Sequence[PlannedSlo]) -> tuple[SlaCharge, ...]:
    """For each SLA of which an objective was measured."""
    goals = {slo.name: 1 - slo.condition.budget for slo in slos}
    once = {charge.slo: charge.attained for charge in charged}
    lasting = {charge.slo: charge.attained_lasting for charge in charged}
    return tuple(
        SlaCharge(sla=sla.name, once=cost(sla, once, goals), lasting=cost(sla, lasting, goals))
        for sla in slas
        if any(name in once for name in sla.slos)
    )


def _charge(slo: PlannedSlo, journal: Journal, felt: tuple[float, float], on: tuple[float, float]) -> Charge | None:
    counted = _counted(slo, journal, felt)
    if not len(counted.at_s):
        return None
    budget, length_s = slo.condition.budget, float(slo.length)
    bad, total = _sums(slo, counted, felt[0])
    bad_on, total_on = _sums(slo, counted.within(on), on[0])
    if slo.slice is not None:
        allowed, scale = budget * length_s / float(slo.slice), 1.0
    else:
        allowed, scale = budget * _rate(slo, journal, counted, felt) * slo.factor * length_s, slo.factor
    spent = bad * scale / allowed if allowed > 0 else 0.0
    lasting = lasts_s(bad_on, total_on, budget, length_s)
    return Charge(
        slo=slo.name,
        objective=slo.condition.text,
        window=slo.window,
        budget=journal.plan.budgets.kind,
        bad=bad,
        total=total,
        allowed=allowed,
        spent=spent,
        lasting=None if lasting is None else Duration(lasting),
        attained=max(0.0, 1.0 - spent * budget),
        attained_lasting=1.0 - bad_on / total_on if total_on else 1.0,
    )


def _sums(slo: PlannedSlo, counted: _Counted, from_s: float) -> tuple[float, float]:
    if slo.slice is None or slo.slice_target is None:
        return float(counted.bad.sum()), float(counted.total.sum())
    return slices(
        counted.at_s, counted.bad, counted.total, slice_s=float(slo.slice), good=float(slo.slice_target), from_s=from_s
    )


def _counted(slo: PlannedSlo, journal: Journal, span: tuple[float, float]) -> _Counted:
    """What began in a span."""
    condition, plan = slo.condition, journal.plan
    if condition.source is Source.LOAD:
        margin_s = MARGIN_S if condition.shape in (Shape.TRANSACTIONS, Shape.CUSTOMERS) else 0.0
        edges_us = [round((span[0] - margin_s) * 1e6), round((span[1] + margin_s) * 1e6)]
        low, high = np.searchsorted(journal.requests.start_us, edges_us)
        rows = judge_rows(
            condition, journal.requests.only(slice(int(low), int(high))), patience_s=float(plan.patience),
            transactions=plan.transactions, think_s=float(plan.think),
        )  # fmt: skip
        every = _Counted(at_s=rows.start_us / 1e6, bad=rows.bad.astype(np.float64), total=np.ones(len(rows)))
        return every.within(span)
    sane = [s for s in named(condition, journal.samples) if np.isfinite([s.good, s.total, s.value or 0.0]).all()]
    readings = [(s.at_s, *sample_counts(condition, s)) for s in sorted(sane, key=lambda s: s.at_s)]
    columns = np.array([r for r in readings if r[2] > 0], np.float64).reshape(-1, 3)
    return _Counted(at_s=columns[:, 0], bad=columns[:, 1], total=columns[:, 2]).within(span)


def _disturbed(journal: Journal) -> tuple[tuple[float, float], tuple[float, float]] | None:
    """((from the first injection until the recovery is over), (until the last revert)), in seconds; None where nothing
    was injected. What is still in place is charged up to the record's end."""
    intended = [e.at_s for e in journal.events if isinstance(e, FaultIntended | FaultInjected)]
    if not intended:
        return None
    last_s = max(event.at_s for event in journal.events)
    open_, end_s = set[tuple[str, str]](), last_s
    for event in sorted(journal.events, key=lambda event: event.at_s):
        if isinstance(event, FaultIntended | FaultInjected):
            open_.add((event.fault, event.place))
        elif isinstance(event, FaultReverted):
            open_.discard((event.fault, event.place))
            end_s = event.at_s
    end_s = last_s if open_ else end_s
    return (min(intended), min(last_s, end_s + float(journal.plan.recovery))), (min(intended), end_s)


def _rate(slo: PlannedSlo, journal: Journal, felt: _Counted, span: tuple[float, float]) -> float:
    """Events a second when all is well: as in the window before the fault, else as in the time that is charged."""
    first = next((w.index for w in journal.plan.windows if w.phase == "before"), None)
    began = [e.at_s for e in journal.events if isinstance(e, WindowStarted) and e.window == first]
    ended = [e.at_s for e in journal.events if isinstance(e, WindowEnded) and e.window == first]
    if began and ended and ended[0] > began[0]:
        total = float(_counted(slo, journal, (began[0], ended[0])).total.sum())
        if total > 0:
            return total / (ended[0] - began[0])
    return float(felt.total.sum()) / (span[1] - span[0]) if span[1] > span[0] else 0.0
