"""How long the sequential test takes, against the test itself."""

from __future__ import annotations

import math

import numpy as np
import pytest

from chaos.stats.power import seconds_until
from chaos.stats.sequential import BIN_S, first_deviation, stakes


def simulated(budget: float, bad_ratio: float, per_second: float, e_needed: float) -> tuple[float, float]:
    """Median and 95th percentile of 300 seeded windows, every one of which deviates in the end."""
    dice, runs = np.random.default_rng(20261125), 300
    bets, logs = np.array(stakes(budget)), np.zeros((runs, 8))
    at_s = np.full(runs, np.nan)
    bins = 0
    while np.isnan(at_s).any():
        bins += 1
        total = dice.poisson(per_second * BIN_S, runs)
        surplus = dice.binomial(total, bad_ratio) / np.maximum(total, 1) - budget
        logs += np.where((total > 0)[:, None], np.log1p(bets * surplus[:, None]), 0.0)
        log_e = np.logaddexp.reduce(logs, axis=1) - math.log(8)
        at_s[np.isnan(at_s) & (log_e >= math.log(e_needed))] = bins * BIN_S
    return float(np.median(at_s)), float(np.quantile(at_s, 0.95))


@pytest.mark.parametrize("per_second", [20, 200, 1000])
@pytest.mark.parametrize(("budget", "bad_ratio"), [(0.05, 0.5), (0.01, 0.1), (0.001, 0.01), (0.001, 1.0), (0.01, 0.03)])
@pytest.mark.parametrize("e_needed", [100, 1200])
def test_what_is_published_is_what_happens(
    budget: float, bad_ratio: float, per_second: float, e_needed: float
) -> None:  # fmt: skip
    """The median within a third or one bin; one in twenty takes at most three times as long."""
    said = seconds_until(budget, bad_ratio, per_second, e_needed)
    assert said is not None
    median_s, late_s = simulated(budget, bad_ratio, per_second, e_needed)
    assert abs(said - median_s) <= max(median_s / 3, BIN_S * 1.05)
    assert late_s <= 3 * said


def test_an_outage_takes_as_many_bins_as_the_test_itself_does() -> None:
    """Nothing is random there; at most one bin more is said."""
    at, _ = first_deviation([(50, 50)] * 20, 0.01, 1200)
    assert at is not None
    said = seconds_until(0.01, 1.0, 200, 1200)
    assert said is not None
    assert 0 <= said - (at + 1) * BIN_S <= BIN_S


@pytest.mark.parametrize(
    ("budget", "bad_ratio", "per_second"), [(0.01, 0.01, 200), (0.01, 0.001, 200), (0.01, 0.1, 0), (0.0, 1.0, 200)]
)
def test_what_never_deviates_has_no_time(budget: float, bad_ratio: float, per_second: float) -> None:
    """Within the budget, without samples, without a budget."""
    assert seconds_until(budget, bad_ratio, per_second, 100) is None
