"""The exact bounds, against scipy's own distributions."""

from __future__ import annotations

import random
import subprocess
import sys

import pytest
from scipy.stats import beta, binom

from chaos.stats.binomial import holds, interval, lower_bound, samples_needed, spare_failures, upper_bound


def grid(seed: int, size: int) -> list[tuple[float, int, int]]:
    """(budget, samples, bad) spread over orders of magnitude, most of them near the boundary."""
    dice = random.Random(seed)
    cases = []
    for _ in range(size):
        budget = 10 ** dice.uniform(-4, -0.02)
        total = int(10 ** dice.uniform(0, 6))
        cases.append((budget, total, min(total, int(dice.random() * 1.2 * total * budget))))
    return cases


@pytest.mark.parametrize(("failures", "needed"), [(0, 2995), (1, 4742), (2, 6294), (3, 7752)])
def test_three_nines_take_the_published_numbers_of_samples(failures: int, needed: int) -> None:
    """The table of VERDICTS section 3, to the integer, also for a budget computed as 1 - 0.999."""
    assert samples_needed(0.001, failures) == needed
    assert samples_needed(1 - 0.999, failures) == needed


def test_a_p99_takes_299_clean_samples() -> None:
    """Published too."""
    assert samples_needed(0.01) == 299


def test_upper_bound_is_the_beta_quantile() -> None:
    """U = Beta^-1(0.95; k + 1, n - k)."""
    for bad, total in [(0, 1), (0, 2995), (3, 11_932), (50, 100), (99, 100)]:
        assert upper_bound(bad, total) == pytest.approx(beta.ppf(0.95, bad + 1, total - bad), rel=1e-9)
    assert upper_bound(7, 7) == 1.0
    assert upper_bound(0, 0) == 1.0


def test_the_interval_is_the_exact_two_sided_one() -> None:
    """Half of the doubt on each side, and open ends where there is nothing to bound."""
    low, high = interval(3, 1000)
    assert low == pytest.approx(beta.ppf(0.025, 3, 998), rel=1e-9)
    assert high == pytest.approx(beta.ppf(0.975, 4, 997), rel=1e-9)
    assert lower_bound(0, 10) == 0.0


def test_holds_agrees_with_the_binomial_tail() -> None:
    """The quick form without scipy says what scipy says."""
    for budget, total, bad in grid(1, 1500):
        assert holds(bad, total, budget) == (binom.cdf(bad, total, budget) <= 0.05), (budget, total, bad)


def test_holds_agrees_with_the_upper_bound() -> None:
    """Both forms of the definition are one."""
    for budget, total, bad in grid(2, 500):
        assert holds(bad, total, budget) == (upper_bound(bad, total) <= budget), (budget, total, bad)


def test_samples_needed_is_exact_to_the_integer() -> None:
    """One sample fewer would not do."""
    dice = random.Random(3)
    for budget, _, _ in grid(4, 300):
        failures = dice.choice([0, 1, 2, 5, 40, 300])
        needed = samples_needed(budget, failures)
        assert binom.cdf(failures, needed, budget) <= 0.05
        assert needed == failures + 1 or binom.cdf(failures, needed - 1, budget) > 0.05


def test_spare_failures_is_exact_to_the_integer() -> None:
    """One bad sample more would not do."""
    for budget, total, _ in grid(5, 500):
        spare = spare_failures(total, budget)
        assert -1 <= spare <= total
        assert spare == -1 or binom.cdf(spare, total, budget) <= 0.05
        assert spare == total or binom.cdf(spare + 1, total, budget) > 0.05


def test_an_objective_of_everything_cannot_be_proven() -> None:
    """100 % is refused in words, and never held."""
    with pytest.raises(ValueError, match="cannot be proven"):
        samples_needed(0.0)
    assert not holds(0, 10**9, 0.0)
    assert spare_failures(10**9, 0.0) == -1


def test_an_objective_of_nothing_is_always_held_with_a_sample() -> None:
    """A budget of 1 allows everything, but not without having looked."""
    assert holds(5, 5, 1.0)
    assert not holds(0, 0, 1.0)
    assert samples_needed(1.0) == 1
    assert spare_failures(5, 1.0) == 5


def test_impossible_counts_are_refused() -> None:
    """More bad than there are is a bug of the caller."""
    with pytest.raises(ValueError, match="3 bad of 2"):
        upper_bound(3, 2)


def test_planning_imports_no_scipy() -> None:
    """`plan` and `validate` stay quick."""
    code = (
        "import sys; from chaos.stats.binomial import samples_needed, spare_failures;"
        "samples_needed(1e-4, 2); spare_failures(10**6, 1e-3);"
        "assert not {'numpy', 'scipy'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
