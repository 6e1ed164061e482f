"""The time until a shop has recovered: the change point, its interval, and what it must not be fooled by."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import binom

from chaos.stats.recovery import fit, steady_s


def story(seed: int, at_s: float, *, bin_s: float = 0.05, rate: float = 200, before: float = 0.3, after: float = 0.0005,
          length_s: float = 60.0) -> tuple[list[int], list[int]]:  # fmt: skip
    """Poisson arrivals, in bins, bad at one rate until `at_s` and at another from then on."""
    dice = np.random.default_rng(seed)
    arrivals = np.sort(dice.uniform(0, length_s, dice.poisson(rate * length_s)))
    bad = dice.random(len(arrivals)) < np.where(arrivals < at_s, before, after)
    index, bins = (arrivals / bin_s).astype(int), round(length_s / bin_s)
    return np.bincount(index, bad, bins).astype(int).tolist(), np.bincount(index, minlength=bins).tolist()


def exhaustive(bad: list[int], total: list[int], budget: float) -> list[float]:
    """l(t) of every split, by trying rates on a fine grid: no formula of ours."""
    grid = np.unique(np.concatenate([[0.0], np.geomspace(1e-4, 1, 250)]))
    found = []
    for at in range(len(bad) + 1):
        (k1, n1), (k2, n2) = (sum(bad[:at]), sum(total[:at])), (sum(bad[at:]), sum(total[at:]))
        first = binom.logpmf(k1, n1, grid) - binom.logpmf(k1, n1, max(k1 / n1, 1e-9) if n1 else 0)
        plain = [k * math.log(k / n) + (n - k) * math.log1p(-k / n) if 0 < k < n else 0.0
                 for k, n in ((k1, n1), (k2, n2))]  # fmt: skip
        second = binom.logpmf(k2, n2, grid) - (binom.logpmf(k2, n2, k2 / n2) if n2 else 0)
        best_after = np.maximum.accumulate(second)  # p2 <= p1
        allowed = (grid >= budget) | (n1 == 0)
        found.append(plain[0] + plain[1] + float((first + best_after)[allowed].max()))
    return found


@pytest.mark.parametrize("seed", range(4))
def test_it_is_the_most_likely_of_all_splits(seed: int) -> None:
    """Against an exhaustive search over splits and rates with scipy's binomial."""
    bad, total = story(seed, 4.0, bin_s=0.5, rate=40, length_s=12, after=0.02)
    likelihood = exhaustive(bad, total, 0.01)
    found = fit(bad, total, 0.5, budget=0.01)
    best = int(np.argmax(likelihood))
    assert found.at_s == best * 0.5
    # The grid is coarse: the ends may differ by the bin in which the drop of 6 is crossed.
    within = [i * 0.5 for i, value in enumerate(likelihood) if 2 * (likelihood[best] - value) <= 6]
    assert found.low_s == pytest.approx(max(0.0, within[0] - 0.5), abs=0.5)
    assert found.high_s == pytest.approx(within[-1] + 0.5, abs=0.5)


def test_the_time_is_found_and_its_interval_covers_it() -> None:
    """100 seeded recoveries after 7.3 s: the published error is 0.02 to 0.33 s at the 95th percentile; the interval
    covers the truth at least 93 times."""
    fits = [fit(*story(seed, 7.3), 0.05, budget=0.001) for seed in range(100)]
    errors = sorted(abs(found.at_s - 7.3) for found in fits)
    assert errors[94] <= 0.33
    assert sum(found.low_s <= 7.3 <= found.high_s for found in fits) >= 93
    assert all(found.before == pytest.approx(0.3, abs=0.1) for found in fits)


def test_a_shop_that_was_well_at_once_took_no_time() -> None:
    """No bad sample at all, or only as many as the objective allows: nothing to recover from."""
    assert fit([0] * 100, [10] * 100, 0.25, budget=0.001)[:3] == (0.0, 0.0, 25.0)
    bad = [0] * 240
    bad[160] = 1  # one stray failure after 40 s is no recovery time of 40 s
    assert fit(bad, [50] * 240, 0.25, budget=0.001).at_s == 0.0


def test_a_shop_that_never_recovers_ends_with_the_record() -> None:
    """Then nothing is known of what came later."""
    found = fit([5] * 100, [10] * 100, 0.25, budget=0.001)
    assert found.high_s == 25.0
    assert found.after in (0.0, 0.5)


def test_an_outage_that_ends_is_known_to_the_bin() -> None:
    """All bad, then none."""
    found = fit([10] * 20 + [0] * 100, [10] * 120, 0.25, budget=0.001)
    assert (found.at_s, found.before, found.after) == (5.0, 1.0, 0.0)
    assert 4.5 <= found.low_s <= 5.0 <= found.high_s <= 5.5


def test_what_gets_worse_is_not_a_recovery() -> None:
    """Good, then bad: the rate may only fall."""
    found = fit([0] * 60 + [10] * 60, [10] * 120, 0.25, budget=0.001)
    assert found.at_s == 0.0
    assert found.after == 0.5


def test_seconds_to_be_sure() -> None:
    """W = max(30 s, 3 / (b rate)); nobody can wait for a budget of nothing."""
    assert steady_s(0.01, 200) == 30.0
    assert steady_s(0.001, 50) == pytest.approx(60.0)
    assert steady_s(0.0, 200) == math.inf


def test_impossible_counts_are_refused() -> None:
    """More bad than there are is a bug of the caller; nothing at all has no recovery time."""
    with pytest.raises(ValueError, match="bad samples"):
        fit([3], [2], 0.25)
    with pytest.raises(ValueError, match="no samples"):
        fit([0, 0], [0, 0], 0.25)
