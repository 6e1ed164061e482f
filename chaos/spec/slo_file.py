"""The keys of a target file that say what it promises: `slos`, `events`, `slas` and `gates`."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from chaos.model.base import Noun
from chaos.model.slo import Budgeting, CalendarUnit
from chaos.units import Duration, Ratio

Positive = Annotated[Duration, msgspec.Meta(gt=0)]
Amount = Annotated[str, msgspec.Meta(pattern=r"^[0-9]{1,12}(\.[0-9]{2})? [A-Z]{3}$", examples=["12000 EUR"])]


class CalendarPart(Noun):
    """A window that begins anew with each day, week (on Monday), month, quarter or year."""

    calendar: CalendarUnit  # the period
    time_zone: str = "UTC"  # where it begins, as the IANA database names it: `Europe/Berlin`


class SloPart(Noun):
    """An objective over a window, in OpenSLO's words."""

    name: str | None = None  # its name; made from objective and window when left out
    objective: str  # a condition, such as `availability >= 99.9%`
    target: Ratio | None = None  # of a gauge's readings so many must be good; 95% when left out
    window: str | CalendarPart  # rolling, such as `30d`; or an event's name; or a calendar's period
    budgeting: Budgeting = "occurrences"  # the share of good events, or of good slices of time
    slice: Positive | None = None  # timeslices: how long one is, such as `1m`
    slice_target: Ratio | None = None  # timeslices: a slice is good with at least this share of good events


class EventPart(Noun):
    """A window that happens once, such as the sale."""

    starts: str | None = None  # when, with its offset from UTC: `2026-12-01T10:00:00+01:00`; nothing: not known yet
    lasts: Positive  # how long, such as `24h`
    traffic: str = "normal"  # the traffic's profile that is expected then


class PenaltyPart(Noun):
    """What is due when the objective was missed: exactly one of credit and amount."""

    below: Ratio | None = None  # so much was good, or less; left out: the objective was missed at all
    credit: Ratio | None = None  # this share of the fee is given back
    amount: Amount | None = None  # this is paid


class IncentivePart(Noun):
    """What is due when the service was better than promised: exactly one of bonus and amount."""

    at_least: Ratio  # so much was good, or more
    bonus: Ratio | None = None  # this share of the fee comes on top
    amount: Amount | None = None  # this is paid


class SlaPart(Noun):
    """An agreement on objectives. Of several that were missed the dearest counts; credits do not add up."""

    slos: Annotated[tuple[str, ...], msgspec.Meta(min_length=1)]  # names of SLOs, all over the same window
    to: str = ""  # whom it was promised to, for people
    fee: Amount | None = None  # what is paid for one window, such as `12000 EUR`
    penalties: tuple[PenaltyPart, ...] = ()  # one or several steps
    incentives: tuple[IncentivePart, ...] = ()  # one or several steps


class GatesPart(Noun):
    """When a run may begin, by what is left of the error budgets."""

    applies_to: Literal["real", "all", "none"] = "real"  # runs charged to real users' budget; every run; no run
    budget_left: Ratio = Ratio(0.25)  # at least so much of every budget is left
    burn_rate: Annotated[float, msgspec.Meta(gt=0)] = 1.0  # of the last hour: lower than this
    worst_case: Ratio = Ratio(0.2)  # the run can cost at most so much of what is left
