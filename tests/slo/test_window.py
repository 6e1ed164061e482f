"""Which period a window means."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from chaos.model.slo import CalendarUnit, SloEvent, SloWindow
from chaos.slo.window import length_s, period
from chaos.units import Duration

NOW = datetime(2026, 11, 25, 22, 30, tzinfo=UTC)


def test_a_rolling_window_ends_now() -> None:
    """30 days back."""
    assert period(SloWindow(rolling=Duration(30 * 86400)), {}, NOW) == (NOW - timedelta(days=30), NOW)


def test_an_event_is_when_it_is() -> None:
    """Ahead or past; without a date there is no period, but a length."""
    sale = SloEvent(name="sale", starts=datetime.fromisoformat("2026-12-01T10:00:00+01:00"))
    window = SloWindow(event="sale")
    starts = datetime(2026, 12, 1, 9, tzinfo=UTC)
    assert period(window, {"sale": sale}, NOW) == (starts, starts + timedelta(days=1))
    undated = {"sale": SloEvent(name="sale", lasts=Duration(7200))}
    assert (period(window, undated, NOW), length_s(window, undated)) == (None, 7200)


@pytest.mark.parametrize(
    ("unit", "begin", "end"),
    [
        ("day", "2026-11-25T00:00", "2026-11-26T00:00"), ("week", "2026-11-23T00:00", "2026-11-30T00:00"),
        ("month", "2026-11-01T00:00", "2026-12-01T00:00"), ("quarter", "2026-10-01T00:00", "2027-01-01T00:00"),
        ("year", "2026-01-01T00:00", "2027-01-01T00:00"),
    ],
)  # fmt: skip
def test_a_calendar_window_is_the_period_that_we_are_in(unit: CalendarUnit, begin: str, end: str) -> None:
    """In UTC here."""
    found = period(SloWindow(calendar=unit), {}, NOW)
    assert found == tuple(datetime.fromisoformat(text).replace(tzinfo=UTC) for text in (begin, end))


def test_a_month_begins_where_its_zone_has_midnight() -> None:
    """In Auckland it is the 26th already, and the month began 13 hours before that of UTC."""
    found = period(SloWindow(calendar="month", time_zone="Pacific/Auckland"), {}, NOW)
    assert found == (datetime(2026, 10, 31, 11, tzinfo=UTC), datetime(2026, 11, 30, 11, tzinfo=UTC))


def test_the_days_that_clocks_are_changed_are_shorter_or_longer() -> None:
    """Berlin's 29 March 2026 has 23 hours, its 25 October 25."""
    window = SloWindow(calendar="day", time_zone="Europe/Berlin")
    for day, hours in ((datetime(2026, 3, 29, 12, tzinfo=UTC), 23), (datetime(2026, 10, 25, 12, tzinfo=UTC), 25)):
        found = period(window, {}, day)
        assert found is not None
        assert found[1] - found[0] == timedelta(hours=hours)
