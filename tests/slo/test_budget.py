"""Error budgets by occurrences and by time slices."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaos.slo.budget import ahead, burn_rate, lasts_s, slices, so_far


def test_a_full_window_allows_its_share_of_its_own_events() -> None:
    """10,000 requests at 99.9 % may have ten bad ones."""
    budget = so_far(4, 10_000, 0.001)
    assert (budget.allowed, budget.spent, budget.left) == (pytest.approx(10), pytest.approx(0.4), pytest.approx(0.6))


def test_a_window_ahead_allows_a_share_of_what_is_expected() -> None:
    """A sale that has not begun has its whole budget; one with more traffic than expected has more."""
    assert ahead(0, 0, 0.0001, 10_000_000).allowed == pytest.approx(1000)
    assert ahead(5, 20_000_000, 0.0001, 10_000_000).allowed == pytest.approx(2000)


def test_the_published_figures() -> None:
    """99.99 % of a 24 h sale is 8.64 s of outage; burning at 14.4 for an hour is 2 % of 30 days."""
    assert pytest.approx(8.64) == 0.0001 * 86400
    assert lasts_s(1, 1, 0.0001, 86400) == pytest.approx(8.64)
    assert burn_rate(144, 10_000, 0.001) == pytest.approx(14.4)
    assert 3600 / (lasts_s(144, 10_000, 0.001, 30 * 86400) or 0) == pytest.approx(0.02)


def test_no_traffic_has_no_burn_rate_and_spends_nothing() -> None:
    """0/0 is not a number that anybody should alert on."""
    assert burn_rate(0, 0, 0.001) is None
    assert lasts_s(0, 0, 0.001, 60) is None
    assert so_far(0, 0, 0.001).spent == 0.0


def test_what_the_objective_allows_lasts_for_ever() -> None:
    """Within the objective the budget is never gone before its window is over."""
    assert lasts_s(1, 1000, 0.001, 60) is None


@pytest.mark.parametrize(("bad", "total"), [(math.nan, 1), (1, math.nan), (2, 1), (-1, 1), (math.inf, math.inf)])
def test_what_is_no_count_is_refused(bad: float, total: float) -> None:
    """NaN from a source must never become a budget."""
    for call in (
        lambda: so_far(bad, total, 0.1),
        lambda: burn_rate(bad, total, 0.1),
        lambda: ahead(bad, total, 0.1, 1),
    ):
        with pytest.raises(ValueError, match="no count"):
            call()


@given(
    st.lists(st.tuples(st.integers(0, 599), st.booleans()), max_size=300), st.sampled_from([1, 7, 60]),
    st.sampled_from([0.5, 0.95, 0.99, 1.0]),
)  # fmt: skip
def test_slices_are_what_counting_by_hand_gives(events: list[tuple[int, bool]], length: int, good: float) -> None:
    """Against exact fractions, one slice at a time."""
    by_hand: dict[int, list[bool]] = {}
    for at_s, is_bad in events:
        by_hand.setdefault(at_s // length, []).append(is_bad)
    bad = sum(Fraction(each.count(False), len(each)) < Fraction(str(good)) for each in by_hand.values())
    at = np.array([at_s for at_s, _ in events], float)
    bads = np.array([is_bad for _, is_bad in events], float)
    assert slices(at, bads, np.ones(len(at)), slice_s=length, good=good) == (bad, len(by_hand))
