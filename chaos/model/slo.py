"""SLOs in OpenSLO's words, the SLAs on top of them, and the gates that an error budget sets.

An SLO is an objective over a window. Its sentence says which events are good and what share of them must be: `p99 < 2s`
wants 99 % of the requests answered within 2 s. What may be bad is the error budget of the window.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from chaos.model.base import Noun
from chaos.model.objective import Condition
from chaos.units import Duration, Ratio

CalendarUnit = Literal["day", "week", "month", "quarter", "year"]
Budgeting = Literal["occurrences", "timeslices"]
BudgetKind = Literal["virtual", "real"]


class SloEvent(Noun):
    """A window that happens once, such as the sale. `starts` is None while nobody knows when."""

    name: str
    starts: datetime | None = None
    lasts: Duration = Duration(86400)
    traffic: str = "normal"  # the traffic profile that is expected then


class SloWindow(Noun):
    """Over which time an objective counts. Exactly one of the three is set."""

    rolling: Duration | None = None
    calendar: CalendarUnit | None = None
    event: str | None = None
    time_zone: str = "UTC"  # of a calendar window

    def __str__(self) -> str:
        """`30d`, `sale`, `month (Europe/Berlin)`."""
        if self.rolling is not None:
            return str(self.rolling)
        if self.event is not None:
            return self.event
        return str(self.calendar) if self.time_zone == "UTC" else f"{self.calendar} ({self.time_zone})"


class Slo(Noun):
    """An objective over a window. `condition` is its sentence, and `objective` what that means on the target.

    By `occurrences` the budget is a share of the events. By `timeslices` it is the same share of the slices of time,
    and a slice is good when at least `slice_target` of its events are. `target` is the share of a gauge's readings that
    must be good, where the file says it: a sentence such as `queue < 100` has no place for it.
    """

    name: str
    condition: str
    window: SloWindow
    budgeting: Budgeting = "occurrences"
    slice: Duration | None = None
    slice_target: Ratio | None = None
    target: Ratio | None = None
    objective: Condition | None = None

    @property
    def goal(self) -> float:
        """The share that must be good: 0.999 for `availability >= 99.9%`, 0.99 for `p99 < 2s`."""
        return 1.0 if self.objective is None else round(1 - self.objective.budget, 12)


class Money(Noun):
    """An amount of one currency, in its hundredths, so that nothing is lost to rounding."""

    hundredths: int
    currency: str

    def __str__(self) -> str:
        """`12,000 EUR`, `99.50 EUR`."""
        whole, rest = divmod(self.hundredths, 100)
        return f"{whole:,} {self.currency}" if not rest else f"{whole:,}.{rest:02} {self.currency}"

    def share(self, ratio: float) -> Money:
        return Money(hundredths=round(self.hundredths * ratio), currency=self.currency)


class Tier(Noun):
    """One step of an SLA: below, or from, `limit` (a share of what was good) so much is due. Exactly one of `share`
    (of the fee) and `amount` is set. A penalty without a limit is due as soon as the objective is missed."""

    limit: Ratio | None = None
    share: Ratio | None = None
    amount: Money | None = None


class Sla(Noun):
    """What was promised to somebody, and what it costs to break it. Tiers are sorted, the mildest first."""

    name: str
    slos: tuple[str, ...]
    to: str = ""  # whom it was promised to, for people
    fee: Money | None = None  # of one window; credits are a share of it
    penalties: tuple[Tier, ...] = ()
    incentives: tuple[Tier, ...] = ()


class Gates(Noun):
    """When a run may begin. Their source is VERDICTS section 2."""

    applies_to: Literal["real", "all", "none"] = "real"  # runs that are charged to the real budget, every run, no run
    budget_left: Ratio = Ratio(0.25)  # at least so much of every budget
    burn_rate: float = 1.0  # of the last hour: less than this
    worst_case: Ratio = Ratio(0.2)  # the run may cost at most so much of what is left
