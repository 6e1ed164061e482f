"""The period that a window means at a moment."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from chaos.model.slo import CalendarUnit, SloEvent, SloWindow

# For windows that are not asked at a moment: a month as Google's and OpenSLO's tables have it, in days.
NOMINAL_DAYS: dict[CalendarUnit, float] = {"day": 1, "week": 7, "month": 30, "quarter": 91, "year": 365}


def length_s(window: SloWindow, events: Mapping[str, SloEvent]) -> float:
    """How long it is, in seconds; nominally for a calendar's. Raises: KeyError for an event nobody knows."""
    if window.rolling is not None:
        return float(window.rolling)
    if window.event is not None:
        return float(events[window.event].lasts)
    assert window.calendar is not None
    return NOMINAL_DAYS[window.calendar] * 86400


def period(window: SloWindow, events: Mapping[str, SloEvent], now: datetime) -> tuple[datetime, datetime] | None:
    """(from, to) in UTC of the period that `now` is in; a rolling one ends now, an event's may lie ahead. None for an
    event without a date. Days that are 23 or 25 hours long in the window's zone are so here."""
    now = now.astimezone(UTC)
    if window.rolling is not None:
        return now - timedelta(seconds=float(window.rolling)), now
    if window.event is not None:
        event = events[window.event]
        if event.starts is None:
            return None
        starts = event.starts.astimezone(UTC)
        return starts, starts + timedelta(seconds=float(event.lasts))
    assert window.calendar is not None
    zone = ZoneInfo(window.time_zone)
    begin = _begin(window.calendar, now.astimezone(zone).replace(tzinfo=None))
    ends = _next(window.calendar, begin)
    return begin.replace(tzinfo=zone).astimezone(UTC), ends.replace(tzinfo=zone).astimezone(UTC)


def _begin(unit: CalendarUnit, local: datetime) -> datetime:
    day = local.replace(hour=0, minute=0, second=0, microsecond=0)
    if unit == "day":
        return day
    if unit == "week":
        return day - timedelta(days=day.weekday())
    if unit == "month":
        return day.replace(day=1)
    return day.replace(month=day.month - (day.month - 1) % 3 if unit == "quarter" else 1, day=1)


def _next(unit: CalendarUnit, begin: datetime) -> datetime:
    if unit in ("day", "week"):
        return begin + timedelta(days=NOMINAL_DAYS[unit])
    months = {"month": 1, "quarter": 3, "year": 12}[unit]
    return begin.replace(year=begin.year + (begin.month - 1 + months) // 12, month=(begin.month - 1 + months) % 12 + 1)
