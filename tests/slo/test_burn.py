"""Burn-rate alerts for windows of any length."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaos.slo.burn import WORKBOOK, steps


def test_thirty_days_are_the_workbooks() -> None:
    """2 %, 5 %, 10 % and 10 % of the budget, at 14.4, 6, 3 and 1."""
    assert steps(30 * 86400, budget=0.001) == WORKBOOK
    assert [round(step.spends(30 * 86400), 3) for step in WORKBOOK] == [0.02, 0.05, 0.1, 0.1]


def test_a_sale_of_a_day_has_them_scaled() -> None:
    """A thirtieth of each; 10 s would be less than four scrapes, so it is a minute."""
    found = steps(86400, budget=0.0001)
    assert [(s.factor, s.long_s, s.short_s) for s in found] == [
        (14.4, 120, 60), (6.0, 720, 60), (3.0, 2880, 240), (1.0, 8640, 720),
    ]  # fmt: skip


def test_what_cannot_alert_is_left_out() -> None:
    """At 90 % a burn of 14.4 would take 144 % of bad events; a window of a minute has room for nothing."""
    assert [step.factor for step in steps(30 * 86400, budget=0.1)] == [6.0, 3.0, 1.0]
    assert steps(60, budget=0.001) == ()


@pytest.mark.parametrize("slice_s", [60, 600])
def test_no_window_is_shorter_than_a_slice(slice_s: float) -> None:
    """A slice that is not over says nothing."""
    assert all(step.short_s >= slice_s for step in steps(86400, budget=0.001, least_s=slice_s))


@given(st.floats(1, 400 * 86400), st.floats(1e-6, 0.5), st.floats(0.1, 600))
def test_the_shape_holds_for_every_window(window_s: float, budget: float, scrape_s: float) -> None:
    """Never a window of zero, the short one never the longer, never a burn below 1, never one that cannot be reached,
    and a step spends about what the workbook's does, whatever was rounded."""
    shares = {0.02, 0.05, 0.1}
    for step in steps(window_s, budget=budget, scrape_s=scrape_s):
        assert 0 < step.short_s < step.long_s < window_s
        assert step.short_s >= 3.9 * scrape_s
        assert 1.0 <= step.factor < 1 / budget
        assert min(abs(step.spends(window_s) - share) for share in shares) < 0.01
