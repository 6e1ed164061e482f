"""During against before: the bootstrap's formula, its promise and its power."""

from __future__ import annotations

import math
import time
from typing import Any

import numpy as np
import pytest
from scipy.stats import t as student

from chaos.stats.bootstrap import TooLittle, compare, least_samples
from chaos.stats.histogram import LAYOUT, Layout, per_second


def latencies(
    seed: int, seconds: int, *, rate: int = 200, times: float = 1.0, correlation: float = 0.0, median_us: float = 2e4
) -> Any:
    """(seconds, buckets) of log-normal latencies whose level wanders from second to second (AR(1), 20 % of spread)."""
    dice = np.random.default_rng(seed)
    level = np.zeros(seconds)
    for s in range(1, seconds):
        level[s] = correlation * level[s - 1] + 0.2 * math.sqrt(1 - correlation**2) * dice.normal()
    at = np.repeat(np.arange(seconds), rate)
    values = times * median_us * np.exp((level[at] if correlation else 0.0) + 0.5 * dice.normal(size=len(at)))
    return per_second(at, values.astype(np.int64), seconds)


def by_hand(counts: Any, q: float, dice: np.random.Generator) -> tuple[float, float]:
    """The percentile and the variance of its logarithm, the plain way: seconds glued together, values sorted."""
    rows = [np.repeat(LAYOUT.middle(np.arange(LAYOUT.size)), second) for second in counts]
    n = len(rows)

    def rank(values: Any) -> float:
        return float(np.sort(values)[max(1, math.ceil(round(q * len(values), 9))) - 1])

    starts = dice.integers(0, n - 9, (200, round(n / 10)))
    drawn = [math.log(rank(np.concatenate([r for s in line for r in rows[s : s + 10]]))) for line in starts]
    return rank(np.concatenate(rows)), float(np.var(drawn, ddof=1)) * n / (n - 10)


def test_it_is_the_published_formula() -> None:
    """Computed the plain way, with the same dice."""
    before, during = latencies(1, 40, rate=50), latencies(2, 60, rate=50, times=1.3)
    found = compare(before, during, 0.9, seed=5, alpha=0.005)
    dice = np.random.Generator(np.random.PCG64(5))
    (q0, v0), (q1, v1) = by_hand(before, 0.9, dice), by_hand(during, 0.9, dice)
    freedom = (v0 + v1) ** 2 / (v0**2 / 4.5 + v1**2 / 7.5)
    d, error = math.log(q1 / q0), math.sqrt(v0 + v1)
    assert found.ratio == pytest.approx(q1 / q0)
    assert found.standard_error == pytest.approx(error)
    assert found.low == pytest.approx(math.exp(d - student.ppf(0.995, freedom) * error))
    assert found.high == pytest.approx(math.exp(d + student.ppf(0.95, freedom) * error))
    assert (found.worse, found.no_worse) == (found.low > 1.2, found.high <= 1.2)


def test_the_same_counts_and_seed_give_the_same_figures() -> None:
    """Bit for bit; another seed hardly differs."""
    before, during = latencies(1, 60), latencies(2, 60)
    assert compare(before, during, 0.99, seed=3) == compare(before, during, 0.99, seed=3)
    assert compare(before, during, 0.99, seed=4).low == pytest.approx(compare(before, during, 0.99, seed=3).low, 0.05)


@pytest.mark.parametrize("correlation", [0.0, 0.9])
def test_no_fault_is_hardly_ever_called_worse(correlation: float) -> None:
    """60 seeded comparisons of the same traffic. 1 % is promised; Mann-Whitney cries wolf in 85 %."""
    alarms = [
        compare(latencies(2 * i, 60, correlation=correlation), latencies(2 * i + 1, 60, correlation=correlation),
                0.99, seed=i).worse
        for i in range(60)
    ]  # fmt: skip
    assert sum(alarms) <= 1


def test_half_as_slow_again_is_seen() -> None:
    """1.5 times is called worse, and no difference is called no worse, at least 9 times in 10."""
    worse = [compare(latencies(2 * i, 60), latencies(2 * i + 1, 60, times=1.5), 0.99, seed=i) for i in range(30)]
    same = [compare(latencies(2 * i, 60), latencies(2 * i + 1, 60), 0.99, seed=i) for i in range(30)]
    assert sum(c.worse for c in worse) >= 27
    assert sum(c.no_worse for c in same) >= 27
    assert not any(c.no_worse for c in worse)


def test_less_than_5_ms_are_nobodys_weakness() -> None:
    """2 ms that become 4 are twice as much, and 2 ms more."""
    found = compare(latencies(1, 60, median_us=2000), latencies(2, 60, median_us=4000), 0.5, seed=1)
    assert found.ratio == pytest.approx(2, rel=0.02)
    assert found.allowed == pytest.approx(1 + 5000 / 2000, rel=0.02)
    assert found.no_worse
    assert not found.worse


def test_too_little_is_said() -> None:
    """Fewer than three blocks, or than ten samples beyond the percentile, compare nothing."""
    long = latencies(1, 60)
    with pytest.raises(TooLittle, match="'before' has 29 s of the 30 s"):
        compare(latencies(2, 29), long, 0.99, seed=1)
    with pytest.raises(TooLittle, match="'during' has 900 of the 1,000 samples"):
        compare(long, latencies(2, 30, rate=30), 0.99, seed=1)
    assert (least_samples(0.99), least_samples(0.5), least_samples(0.999)) == (1000, 20, 10_000)


def test_histograms_with_other_buckets_are_refused() -> None:
    """Before anything is compared."""
    with pytest.raises(ValueError, match="other buckets"):
        compare(latencies(1, 60), np.zeros((60, Layout(sub_bits=5).size), np.int64), 0.99, seed=1)


def test_seconds_without_traffic_are_part_of_the_record() -> None:
    """A window with holes is compared on what it has."""
    before, during = latencies(1, 60), latencies(2, 60)
    during[20:35] = 0
    assert compare(before, during, 0.99, seed=1).ratio == pytest.approx(1, abs=0.1)


def test_traffic_that_does_not_vary_at_all_is_compared() -> None:
    """Everything in one bucket: no variance, and no division by it."""
    flat = per_second(np.repeat(np.arange(60), 50), np.full(3000, 20_000), 60)
    slow = per_second(np.repeat(np.arange(60), 50), np.full(3000, 40_000), 60)
    assert compare(flat, flat, 0.99, seed=1).no_worse
    assert compare(flat, slow, 0.99, seed=1).worse


def test_it_is_quick() -> None:
    """Two windows of five minutes at 1,000 a second: a fraction of a second (stated loosely; 40 ms were measured)."""
    before, during = latencies(1, 300, rate=1000), latencies(2, 300, rate=1000)
    began = time.process_time()
    compare(before, during, 0.99, seed=1)
    assert time.process_time() - began < 2.0
