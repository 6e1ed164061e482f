"""The shift between two sets of measurements."""

from __future__ import annotations

import random

import pytest
from scipy.stats import mannwhitneyu

from chaos.stats.shift import shift


def test_the_interval_is_where_mann_whitney_stops_rejecting() -> None:
    """Inside of it no shift is refuted at 5 %, outside of it every one is: the test's own inversion, by scipy."""
    dice = random.Random(1)
    before, during = ([dice.gauss(mean, 1) for _ in range(size)] for mean, size in ((3, 12), (8, 20)))
    found = shift(before, during)
    assert found.low is not None
    assert found.high is not None

    def p(by: float) -> float:
        moved = [y - by for y in during]
        return float(mannwhitneyu(before, moved, method="asymptotic", use_continuity=False).pvalue)

    assert p(found.low - 0.1) < 0.05 < p(found.low + 0.1)
    assert p(found.high - 0.1) > 0.05 > p(found.high + 0.1)
    assert p(found.value) > 0.9


def test_it_covers_an_injected_delay_with_jitter() -> None:
    """300 ms give or take 50, 8 round trips before and 16 during, with hiccups: at least 93 % of 1,000."""
    dice = random.Random(2)
    hits = 0
    for _ in range(1000):
        before = [2 + dice.expovariate(1) + (20 if dice.random() < 0.05 else 0) for _ in range(8)]
        during = [2 + dice.expovariate(1) + 300 + dice.uniform(-50, 50) for _ in range(16)]
        found = shift(before, during)
        hits += (found.low or 0) <= 300 <= (found.high or 999)
    assert hits >= 930


def test_too_few_bound_nothing() -> None:
    """Three and three: the estimate, and no interval."""
    assert shift([1, 2, 3], [11, 12, 13]) == (10, None, None)
    with pytest.raises(ValueError, match="no measurements"):
        shift([], [1.0])
