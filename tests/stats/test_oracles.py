"""Our formulas against other people's code: scipy.stats, ville (betting tests), and HdrHistogram's own package."""

from __future__ import annotations

import math
import random
from functools import cache

import numpy as np
import pytest
import ville
import ville.sequential
from hdrh.histogram import HdrHistogram
from scipy.stats import binomtest, quantile_test

from chaos.stats.binomial import interval, upper_bound
from chaos.stats.histogram import LAYOUT, Histogram
from chaos.stats.quantile import percentile
from chaos.stats.sequential import STAKES, Martingale, first_deviation, needed, stakes

BIN = 50  # requests in a quarter of a second, at 200 a second


def streams(seed: int, budget: float, ratio: float, bins: int = 240) -> np.ndarray:
    """The bad fractions of a minute."""
    return np.random.default_rng(seed).binomial(BIN, ratio, bins) / BIN


@pytest.mark.parametrize("seed", range(20))
def test_intervals_are_those_of_scipy(seed: int) -> None:
    """Clopper and Pearson's, one-sided and two-sided, by the test that they come from."""
    dice = random.Random(seed)
    n = int(10 ** dice.uniform(0.5, 6))
    k = dice.choice([0, 1, n // 1000, n // 100, n // 2, n])
    both = binomtest(k, n).proportion_ci(0.95, "exact")
    assert interval(k, n) == pytest.approx((both.low, both.high), rel=1e-7, abs=1e-15)
    assert upper_bound(k, n) == pytest.approx(binomtest(k, n, alternative="less").proportion_ci(0.95).high, rel=1e-7)


@pytest.mark.parametrize(("n", "q"), [(3000, 0.99), (300, 0.5), (77, 0.9), (20_000, 0.999)])
def test_the_interval_of_a_percentile_lies_within_scipys(n: int, q: float) -> None:
    """scipy inverts the test one rank further out where the ranks do not come out even; never further in."""
    samples = np.random.default_rng(n).gamma(2.0, 10.0, n)
    ours = percentile(samples, q)
    theirs = quantile_test(samples, q=0.0, p=q).confidence_interval(0.95)
    ordered = np.sort(samples)

    def rank(value: float) -> int:
        return int(np.searchsorted(ordered, value))

    assert ours.low is not None
    assert abs(rank(ours.low) - rank(theirs.low)) <= 1
    if ours.high is not None and not math.isnan(theirs.high):
        assert abs(rank(ours.high) - rank(theirs.high)) <= 1


@pytest.mark.parametrize(("budget", "ratio"), [(0.001, 0.001), (0.001, 0.01), (0.01, 0.01), (0.05, 0.3), (0.3, 0.9)])
def test_the_martingale_is_the_mean_of_eight_of_villes(
    monkeypatch: pytest.MonkeyPatch, budget: float, ratio: float
) -> None:
    """ville's capital process with its stake held at each of ours. Its cap on a stake is c / m0."""
    monkeypatch.setattr(ville.sequential, "_plugin_lambda", lambda i, *_: np.full(i.size, np.inf))
    fractions = streams(7, budget, ratio)
    ours = Martingale(budget)
    path = [ours.add(float(x), 1.0) for x in fractions]
    theirs = [
        ville.BettingTest(budget, alternative="greater", c=stake * budget).fit(fractions).log_e_values_
        for stake in stakes(budget)
    ]
    assert path == pytest.approx(np.logaddexp.reduce(theirs, axis=0) - math.log(STAKES), rel=1e-9, abs=1e-9)


@pytest.mark.parametrize(("budget", "ratio"), [(0.01, 0.1), (0.001, 0.03), (0.01, 1.0)])
def test_what_villes_own_test_rejects_is_called_deviated_no_later(budget: float, ratio: float) -> None:
    """With the stakes that the paper recommends, at the same alpha. Ours are for budgets this small: mostly sooner."""
    sooner = 0
    for seed in range(30):
        fractions = streams(seed, budget, ratio)
        at, _ = first_deviation([(float(x), 1.0) for x in fractions], budget, needed(1, 0.01))
        path = ville.BettingTest(budget, alternative="greater", alpha=0.01).fit(fractions).log_e_values_
        reached = np.flatnonzero(path >= math.log(100))
        assert at is not None
        sooner += not len(reached) or at <= reached[0]
    assert sooner >= 27


def test_neither_rejects_the_budget_itself() -> None:
    """200 windows of a minute at exactly the budget, alpha 1 %: more than 7 alarms are a surprise of 1 in 1,000."""
    ours = theirs = 0
    for seed in range(200):
        fractions = streams(1000 + seed, 0.01, 0.01)
        ours += first_deviation([(float(x), 1.0) for x in fractions], 0.01, needed(1, 0.01))[0] is not None
        path = ville.BettingTest(0.01, alternative="greater", alpha=0.01).fit(fractions).log_e_values_
        theirs += bool((path >= math.log(100)).any())
    assert ours <= 7
    assert theirs <= 7


@cache
def latencies(n: int = 9000) -> np.ndarray:
    dice = np.random.default_rng(11)
    # 10,000 in all, so that q n is a whole number: the two round others differently.
    mixed = np.concatenate([dice.lognormal(10, 0.6, n), dice.integers(0, 300, 500), dice.integers(10**6, 10**9, 500)])
    return mixed.astype(np.int64)


def hdr(values: np.ndarray) -> HdrHistogram:
    """With two significant digits, as many buckets as ours: 128 in each power of two."""
    histogram = HdrHistogram(1, (1 << LAYOUT.bits) - 1, 2)
    for value in values.tolist():
        histogram.record_value(value)
    return histogram


def test_every_value_falls_into_the_bucket_that_hdrhistogram_has_for_it() -> None:
    """The same bounds, for small, usual and very large values."""
    theirs = hdr(np.array([1]))
    for value in np.unique(latencies(2000)).tolist():
        low = int(LAYOUT.low(LAYOUT.index([value]))[0])
        assert low == theirs.get_lowest_equivalent_value(value)
        above = int(LAYOUT.low(LAYOUT.index([value]) + 1)[0])
        assert above == theirs.get_highest_equivalent_value(value) + 1


@pytest.mark.parametrize("q", [0.01, 0.5, 0.9, 0.99, 0.999, 0.9999])
def test_percentiles_of_histograms_are_hdrhistograms(q: float) -> None:
    """Ours is the middle of the bucket that theirs is the upper end of."""
    values = latencies()
    ours, theirs = Histogram.of(values).quantile(q), hdr(values).get_value_at_percentile(100 * q)
    assert LAYOUT.index([math.floor(ours)])[0] == LAYOUT.index([theirs])[0]
    exact = percentile(values, q).value
    assert ours == pytest.approx(exact, rel=0.0079, abs=1)
