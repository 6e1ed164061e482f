"""Held before the end: the likelihood ratio's formula, what it costs, and that both ways together err in 5 %."""

from __future__ import annotations

import math

import numpy as np
import pytest

from chaos.stats.binomial import holds, samples_needed
from chaos.stats.early import ALPHA, END_CONFIDENCE, holds_early, log_e, samples_early


def test_e_is_the_mean_of_the_likelihood_ratios() -> None:
    """The formula, computed the plain way, in the order in which samples came."""
    samples = [0] * 120 + [1] + [0] * 79
    guesses = [0.0] + [2.0**-j for j in range(1, 8)]
    budget = 0.05
    ratios = [math.prod((q if bad else (1 - q * budget) / (1 - budget)) for bad in samples) for q in guesses]
    assert log_e(1, 200, budget) == pytest.approx(math.log(sum(ratios) / 8))


def test_so_many_samples_suffice() -> None:
    """Two thirds more than at a declared end; and one less does not."""
    assert (samples_early(0.01), samples_early(0.001), samples_early(0.001, 1)) == (498, 5000, 8503)
    assert samples_needed(0.001, confidence=END_CONFIDENCE) == 3218
    for budget, bad in ((0.01, 0), (0.01, 3), (0.05, 1)):
        enough = samples_early(budget, bad)
        assert holds_early(bad, enough, budget)
        assert not holds_early(bad, enough - 1, budget)


def test_what_cannot_be_proven_is_not_held() -> None:
    """No samples, no budget, more bad ones than the budget has; and everything is within a budget of everything."""
    assert not holds_early(0, 0, 0.01)
    assert not holds_early(0, 10**9, 0.0)
    assert not any(holds_early(n // 10, n, 0.01) for n in (100, 10_000, 1_000_000))
    assert holds_early(5, 5, 1.0)
    with pytest.raises(ValueError, match="more samples than a run can have"):
        samples_early(0.0)
    with pytest.raises(ValueError, match="6 bad of 5"):
        log_e(6, 5, 0.01)


@pytest.mark.parametrize(("budget", "bins"), [(0.05, 120), (0.01, 240), (0.001, 480)])
def test_early_and_at_the_end_together_it_errs_in_five_percent(budget: float, bins: int) -> None:
    """10,000 windows at exactly the budget, looked at in each quarter of a second and at the end. Early at most 1 %, in
    all at most 5 %: so many alarms more than that have a chance of 0.1 % (3.1 standard deviations)."""
    windows = 10_000
    dice = np.random.default_rng(20261125)
    bad = dice.binomial(50, budget, (windows, bins)).cumsum(axis=1)
    total = np.arange(1, bins + 1) * 50
    most, allowed = -1, []
    for n in total.tolist():
        while holds_early(most + 1, n, budget):
            most += 1
        allowed.append(most)
    early = (bad <= np.array(allowed)).any(axis=1)
    spare = -1
    while holds(spare + 1, int(total[-1]), budget, END_CONFIDENCE):
        spare += 1
    wrong = early | (bad[:, -1] <= spare)
    for found, most_of_them in ((early, ALPHA), (wrong, ALPHA + 1 - END_CONFIDENCE)):
        limit = windows * most_of_them
        assert found.sum() <= limit + 3.1 * math.sqrt(limit * (1 - most_of_them))
