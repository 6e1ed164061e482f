"""The schedule of the arrivals, from the clock and the seed alone."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from chaos.load.arrivals import FOREVER, Arrivals


def take(arrivals: Arrivals, until_s: float) -> NDArray[np.float64]:
    times = []
    while arrivals.next_s < until_s:
        times.append(arrivals.take())
    return np.array(times)


def poisson(seed: str = "a", per_s: float = 100.0) -> Arrivals:
    return Arrivals(kind="poisson", per_s=per_s, seed=seed, start_s=0.0)


def test_poisson_counts_have_the_rate_as_mean_and_as_variance() -> None:
    """100 a second for 400 s: the counts of each second scatter as a Poisson process does."""
    counts = np.bincount(take(poisson(), 400.0).astype(int), minlength=400)
    # Five standard errors: sqrt(100/400) and 100 sqrt(2/400).
    assert abs(counts.mean() - 100) < 5 * 0.5
    assert abs(counts.var() - 100) < 5 * 7.1


def test_poisson_gaps_are_exponential() -> None:
    """Kolmogorov-Smirnov distance to the exponential distribution, far below what another one would have."""
    gaps = np.sort(np.diff(take(poisson(), 200.0)))
    expected = 1 - np.exp(-100 * gaps)
    distance = np.abs(expected - np.arange(1, len(gaps) + 1) / len(gaps)).max()
    assert distance < 1.95 / math.sqrt(len(gaps))  # 0.1 % level


def test_constant_arrivals_have_one_gap() -> None:
    """And shards take their turns in it."""
    halves = [Arrivals(kind="constant", per_s=5, seed="", start_s=2.0, offset=k / 2) for k in (0, 1)]
    merged = np.sort(np.concatenate([take(half, 4.0) for half in halves]))
    assert np.allclose(merged, 2.0 + np.arange(20) / 10)


def test_the_same_seed_gives_the_same_times() -> None:
    """A run can be repeated; another seed is another run."""
    assert np.array_equal(take(poisson("x"), 5.0), take(poisson("x"), 5.0))
    assert not np.array_equal(take(poisson("x"), 5.0)[:10], take(poisson("y"), 5.0)[:10])


def test_the_multiplier_acts_at_once_and_can_be_taken_back() -> None:
    """Four times as many from 100 s to 200 s, and then as before."""
    arrivals = poisson()
    before = take(arrivals, 100.0)
    arrivals.multiply(4.0, 100.0)
    during = take(arrivals, 200.0)
    arrivals.multiply(1.0, 200.0)
    after = take(arrivals, 300.0)
    for times, expected in ((before, 10_000), (during, 40_000), (after, 10_000)):
        assert abs(len(times) - expected) < 5 * math.sqrt(expected)
    assert during.min() >= 100.0
    assert after.min() >= 200.0


def test_no_rate_is_no_arrival_until_there_is_one() -> None:
    """Zero stops the customers; they come again afterwards, and none of the time between is made up for."""
    arrivals = poisson()
    take(arrivals, 10.0)
    arrivals.multiply(0.0, 10.0)
    assert arrivals.next_s == FOREVER
    arrivals.multiply(1.0, 50.0)
    assert 50.0 <= arrivals.next_s < 51.0


@pytest.mark.parametrize("wrong", [-1.0, math.nan, math.inf])
def test_a_multiplier_that_is_none_is_refused(wrong: float) -> None:
    """And nothing has changed."""
    arrivals = poisson()
    due_s = arrivals.next_s
    with pytest.raises(ValueError, match="multiplier"):
        arrivals.multiply(wrong, 1.0)
    assert (arrivals.multiplier, arrivals.next_s) == (1.0, due_s)


@given(st.lists(st.tuples(st.floats(0, 5), st.floats(0, 10)), max_size=20))
def test_time_never_goes_back(changes: list[tuple[float, float]]) -> None:
    """However the multiplier is changed, arrivals follow one another, and those that are due stay due."""
    arrivals, now_s, last_s = poisson(per_s=3.0), 0.0, 0.0
    for wait_s, multiplier in changes:
        now_s += wait_s
        due_s = arrivals.next_s
        arrivals.multiply(multiplier, now_s)
        if due_s <= now_s:
            assert arrivals.next_s == due_s
        while arrivals.next_s <= now_s:
            last_s, before_s = arrivals.take(), last_s
            assert last_s >= before_s
