"""How sure a count makes us: the exact (Clopper-Pearson) bounds of a bad fraction, and how many samples they take.

    U = Beta^-1(c; k + 1, n - k)        the one-sided upper bound of the bad fraction
    U <= b   <=>   P(Bin(n, b) <= k) <= 1 - c

    k   bad samples                     n   samples, good and bad
    b   budget: the largest bad fraction that the objective allows (0.001 for 99.9 %)
    c   confidence, 0.95

Source: Clopper and Pearson, Biometrika 26 (1934). Not Wilson's interval: its bound for zero failures passes 10 % early.
`samples_needed` and `spare_failures` work on the second form with the math module alone, since a plan must stay quick
and scipy takes a quarter of a second to import.
"""

from __future__ import annotations

import math
from collections.abc import Callable

CONFIDENCE = 0.95

# Beyond this nobody waits: 99.99999 % with no failure takes 3e7 samples.
_MOST_SAMPLES = 2**53


def upper_bound(bad: int, total: int, confidence: float = CONFIDENCE) -> float:
    """The bad fraction is below this, with so much confidence, if failures are independent. 1.0 without samples."""
    _check(bad, total)
    if bad == total:
        return 1.0
    from scipy.special import betaincinv

    return float(betaincinv(bad + 1, total - bad, confidence))


def lower_bound(bad: int, total: int, confidence: float = CONFIDENCE) -> float:
    """The bad fraction is above this, with so much confidence. 0.0 without samples."""
    _check(bad, total)
    if bad == 0:
        return 0.0
    from scipy.special import betaincinv

    return float(betaincinv(bad, total - bad + 1, 1.0 - confidence))


def interval(bad: int, total: int, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """The two-sided exact interval of the bad fraction: half of the doubt on each side."""
    side = (1.0 + confidence) / 2.0
    return lower_bound(bad, total, side), upper_bound(bad, total, side)


def holds(bad: int, total: int, budget: float, confidence: float = CONFIDENCE) -> bool:
    """Whether so few bad samples prove the bad fraction to be within the budget: `upper_bound(...) <= budget`."""
    _check(bad, total)
    return total > 0 and (budget >= 1.0 or (budget > 0.0 and _tail(bad, total, budget) <= 1.0 - confidence))


def samples_needed(budget: float, failures: int = 0, confidence: float = CONFIDENCE) -> int:
    """The fewest samples that prove the budget in spite of so many bad ones: 2,995 at 0.001 with none.

    Raises: ValueError for a budget of nothing, which no number of samples proves.
    """
    if budget <= 0.0:
        raise ValueError("an objective of 100 % cannot be proven by any number of samples; allow a little, like 99.99%")
    return fewest(lambda total: holds(failures, total, budget, confidence), failures, budget)


def fewest(suffice: Callable[[int], bool], failures: int, budget: float) -> int:
    """The fewest samples that suffice in spite of so many bad ones, if more of them always do. Raises: ValueError when
    no run has so many."""
    if budget >= 1.0:
        return max(1, failures)
    low, high = failures, failures + 1  # low never suffices: all of them are bad
    while not suffice(high):
        low, high = high, high * 2
        if high > _MOST_SAMPLES:
            raise ValueError(f"a budget of {budget:g} takes more samples than a run can have")
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if suffice(middle) else (middle, high)
    return high


def spare_failures(total: int, budget: float, confidence: float = CONFIDENCE) -> int:
    """The most bad samples among so many that still prove the budget; -1 when even none would not."""
    if not holds(0, total, budget, confidence):
        return -1
    if budget >= 1.0:
        return total
    low, high = 0, min(total, math.ceil(total * budget) + 1)  # low suffices; the answer is below n b, the budget itself
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if holds(middle, total, budget, confidence) else (low, middle)
    return low


def _tail(k: int, n: int, b: float) -> float:
    """P(Bin(n, b) <= k), summed downwards from its largest term; relative error below 1e-6 up to n = 1e9."""
    if k >= n:
        return 1.0
    if k > n * b + 1:  # past the mean the tail is over a half: never asked for in detail
        return 1.0
    log_term = (
        math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1) + k * math.log(b) + (n - k) * math.log1p(-b)
        if k
        else n * math.log1p(-b)
    )
    ratio_b = (1.0 - b) / b
    total, term, i = 1.0, 1.0, k
    while i > 0 and term > total * 1e-17:
        term *= i / (n - i + 1) * ratio_b
        total += term
        i -= 1
    return math.exp(min(0.0, log_term + math.log(total)))


def _check(bad: int, total: int) -> None:
    if not 0 <= bad <= total:
        raise ValueError(f"{bad} bad of {total} samples")
