"""How much of each error budget is left: the virtual one over the recorded runs, the real one over counted users."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Protocol

from msgspec.structs import replace

from chaos.model.base import Noun
from chaos.model.charge import ChargedRun
from chaos.model.slo import BudgetKind, Slo, SloEvent
from chaos.slo.budget import Budget, ahead, burn_rate, so_far
from chaos.slo.window import length_s, period

# The rehearsals of an event that may lie ahead: those of so many days.
REHEARSALS = timedelta(days=30)
# VERDICTS section 2: the gate looks at the burn of the last hour.
BURN = timedelta(hours=1)


class BudgetStatus(Noun):
    """One SLO's budget of one kind. `left` and `spent` are shares of the whole window's budget; None: nobody knows."""

    slo: str
    objective: str
    window: str
    kind: BudgetKind
    left: float | None = None
    spent: float | None = None
    burn: float | None = None  # of the last hour, as a multiple of what is allowed; real budgets alone have it
    allowed: float | None = None  # events, or slices of time, that may be bad in the window
    runs: int = 0  # that were charged
    last: float | None = None  # what the newest of them spent
    worst: float | None = None
    note: str = ""  # why there is no figure, or what it stands on


class Counting(Protocol):
    """Where real users are counted."""

    def counted(self, slo: Slo, since: datetime, until: datetime) -> tuple[float, float] | None:
        """(bad, total) in events or slices of time; None where nothing was counted. Raises: Unavailable."""
        ...


def virtual(slo: Slo, events: Mapping[str, SloEvent], charged: Sequence[ChargedRun], now: datetime) -> BudgetStatus:
    """What the rehearsals in the window spent together. Runs that were charged for another objective of that name do
    not count. `charged` are newest first."""
    spent = [run.charge.spent for run in _of(slo, "virtual", events, charged, now)]
    return BudgetStatus(
        slo=slo.name, objective=slo.condition, window=str(slo.window), kind="virtual", left=1.0 - sum(spent),
        spent=sum(spent), runs=len(spent), last=spent[0] if spent else None, worst=max(spent, default=None),
    )  # fmt: skip


def real(
    slo: Slo, events: Mapping[str, SloEvent], charged: Sequence[ChargedRun], now: datetime, counting: Counting | None
) -> BudgetStatus:
    """What users felt in the window, counted; without a source, what the recorded runs made them feel. Raises:
    Unavailable."""
    ours = [run.charge.spent for run in _of(slo, "real", events, charged, now)]
    head = BudgetStatus(
        slo=slo.name, objective=slo.condition, window=str(slo.window), kind="real", runs=len(ours),
        last=ours[0] if ours else None, worst=max(ours, default=None),
    )  # fmt: skip
    when = period(slo.window, events, now)
    if when is None or when[0] > now:
        return replace(head, left=1.0, spent=0.0, note=_ahead(slo, when, now))
    if counting is None:
        if not ours:
            return replace(head, note="no Prometheus counts it")
        return replace(head, left=1.0 - sum(ours), spent=sum(ours), note="the recorded runs alone")
    counts = counting.counted(slo, when[0], min(now, when[1]))
    if counts is None:
        # A misspelt metric looks like this: no reason to think that all of the budget is left.
        return replace(head, note="cannot be read: nothing counts it in the window")
    if counts[1] == 0:
        return replace(head, left=1.0, spent=0.0, note="no traffic in the window")
    budget = _budget(slo, events, counts, when, now)
    last = counting.counted(slo, max(when[0], now - BURN), now) if now < when[1] or slo.window.rolling else None
    burn = None if last is None else burn_rate(*last, 1 - slo.goal)
    return replace(head, left=budget.left, spent=budget.spent, burn=burn, allowed=budget.allowed)


def _budget(
    slo: Slo,
    events: Mapping[str, SloEvent],
    counts: tuple[float, float],
    when: tuple[datetime, datetime],
    now: datetime,
) -> Budget:
    budget = 1 - slo.goal
    if slo.window.rolling is not None:
        return so_far(*counts, budget)
    length = (when[1] - when[0]).total_seconds() if slo.window.calendar else length_s(slo.window, events)
    elapsed = (min(now, when[1]) - when[0]).total_seconds()
    expected = length / float(slo.slice) if slo.slice is not None else counts[1] * length / max(1.0, elapsed)
    return ahead(*counts, budget, expected)


def _of(
    slo: Slo, kind: BudgetKind, events: Mapping[str, SloEvent], charged: Sequence[ChargedRun], now: datetime
) -> list[ChargedRun]:
    when = None if slo.window.event is not None and kind == "virtual" else period(slo.window, events, now)
    since = now - REHEARSALS if when is None else when[0]
    return [
        run for run in charged
        if run.charge.slo == slo.name and run.charge.budget == kind and run.charge.objective == slo.condition
        and run.started_at >= since
    ]  # fmt: skip


def _ahead(slo: Slo, when: tuple[datetime, datetime] | None, now: datetime) -> str:
    if when is None:
        return f"{slo.window} has no date yet"
    left = when[0] - now
    return f"{slo.window} begins in {left.days} d {left.seconds // 3600} h"
