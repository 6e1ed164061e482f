"""Percentiles and their order-statistic intervals."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binom

from chaos.stats.quantile import percentile


def test_the_estimate_is_the_nearest_rank() -> None:
    """The 99th of a hundred, whatever order they come in."""
    samples = np.random.default_rng(1).permutation(np.arange(1, 101))
    assert percentile(samples, 0.99).value == 99
    assert percentile(samples, 0.5).value == 50


@pytest.mark.parametrize(("n", "q"), [(1000, 0.99), (300, 0.5), (5000, 0.999), (77, 0.9)])
def test_the_interval_has_the_published_ranks(n: int, q: float) -> None:
    """Bin^-1(0.025; n, q) and Bin^-1(0.975; n, q) + 1."""
    found = percentile(np.arange(1, n + 1), q)
    low, high = int(binom.ppf(0.025, n, q)), int(binom.ppf(0.975, n, q)) + 1
    assert found.low == low
    assert found.high == (high if high <= n else None)


@pytest.mark.parametrize("q", [0.001, 0.5, 0.99, 0.9999])
def test_many_are_ranked_as_few_are(q: float) -> None:
    """The quick way for a million latencies gives the samples that sorting gives, ties and long tails included."""
    dice = np.random.default_rng(4)
    for samples in (
        dice.lognormal(10, 2, 30_000).astype(np.int64),
        dice.integers(0, 3, 20_000),
        np.append(dice.integers(0, 100, 20_000), 2**50),
        np.full(15_000, 7),
    ):
        found, ordered = percentile(samples, q), np.sort(samples)
        n = len(samples)
        low, high = int(binom.ppf(0.025, n, q)), int(binom.ppf(0.975, n, q)) + 1
        assert found.value == ordered[max(1, int(np.ceil(round(q * n, 9)))) - 1]
        assert found.low == (ordered[low - 1] if low >= 1 else None)
        assert found.high == (ordered[high - 1] if high <= n else None)


def test_few_samples_put_no_bound_above_a_high_percentile() -> None:
    """Unknown is said as unknown, not as the largest that was seen."""
    found = percentile(np.arange(1, 51), 0.99)
    assert found.high is None
    assert found.low is not None


def test_the_interval_covers_the_truth_as_often_as_it_says() -> None:
    """At least 95 % of 1,000 seeded experiments, with the noise of 1,000."""
    dice = np.random.default_rng(7)
    truth = -np.log(1 - 0.9)
    hits = 0
    for _ in range(1000):
        found = percentile(dice.exponential(1.0, 400), 0.9)
        hits += (found.low or 0) <= truth <= (found.high or np.inf)
    assert hits >= 930


def test_no_samples_have_no_percentile() -> None:
    """The caller must say that it has none."""
    with pytest.raises(ValueError, match="no samples"):
        percentile(np.array([]), 0.5)
