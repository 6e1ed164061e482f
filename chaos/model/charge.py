"""What a run spent of the error budgets, and what that would have cost: part of the plan, and of the verdict."""

from __future__ import annotations

from datetime import datetime, timedelta

from chaos.model.base import Noun
from chaos.model.objective import Condition
from chaos.model.slo import Budgeting, BudgetKind, Money, Sla
from chaos.model.words import percent
from chaos.units import Duration, Ratio


class PlannedSlo(Noun):
    """An SLO as a run is charged for it: the sentence resolved, the window in seconds.

    `factor` is how much more traffic the window expects than the run has: 4 for a sale at four times the rate.
    """

    name: str
    condition: Condition
    window: str  # for people: `sale`, `30d`
    length: Duration
    traffic: str = ""  # the profile that the window expects; empty: the run's own
    factor: float = 1.0
    budgeting: Budgeting = "occurrences"
    slice: Duration | None = None
    slice_target: Ratio | None = None
    once: bool = False  # an event's window, which is
    begins: datetime | None = None  # from then on; None: nobody knows yet

    def is_on(self, at: datetime) -> bool:
        """Does what users feel then count? Before a sale and after it nobody is promised what the sale promises."""
        if not self.once:
            return True
        return self.begins is not None and self.begins <= at < self.begins + timedelta(seconds=float(self.length))


class Budgeted(Noun):
    """What a plan says about budgets: whose is charged, for which SLOs, and which SLAs stand on them."""

    kind: BudgetKind = "virtual"  # synthetic traffic; real users' requests are charged to the real one
    slos: tuple[PlannedSlo, ...] = ()
    slas: tuple[Sla, ...] = ()
    ignored: str = ""  # who ran it although a gate was shut, and which one


class Cost(Noun):
    """What is due to the customer (`incentive` False) or to whoever kept the promise. All empty: nothing is due."""

    sla: str
    slo: str = ""  # the objective that it is due for
    share: float | None = None  # of the fee
    amount: Money | None = None  # None where only a share of an unknown fee can be told
    incentive: bool = False

    def __str__(self) -> str:
        """`nothing`, `10 % of the fee`, `1,200 EUR`, `a bonus of 500 EUR`."""
        if self.amount is None and self.share is None:
            return "nothing"
        what = str(self.amount) if self.amount is not None else f"{percent(self.share or 0)} of the fee"
        return f"a bonus of {what}" if self.incentive else what


class Charge(Noun):
    """What one SLO was charged, from the first injection until the recovery after the last revert.

    `bad` of `total` were counted, in events or slices of time. `spent` is their share of the whole window's budget, if
    the window has `allowed` for them: at its own traffic, of which the run had a part. `lasting` is how long the window
    would have stood what was seen while a fault was on; None: as long as it lasts.
    """

    slo: str
    objective: str
    window: str
    budget: BudgetKind
    bad: float
    total: float
    allowed: float
    spent: float
    lasting: Duration | None = None
    attained: float = 1.0  # of the window, if nothing else was bad in it
    attained_lasting: float = 1.0  # of one that was as bad as the fault's time all along


class ChargedRun(Noun):
    """A charge, and the recorded run that it was for."""

    run: str
    title: str
    started_at: datetime
    charge: Charge


class SlaCharge(Noun):
    """What an SLA would have cost: if the window had seen the run's fault once, and if it had lasted all along."""

    sla: str
    once: Cost
    lasting: Cost
