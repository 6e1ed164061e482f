"""When to say `deviated` before a window is over, without crying wolf: a betting martingale.

    E_t = 1/J sum_j prod_{s<=t} (1 + lambda_j (X_s - b))

    X_s        the bad fraction of bin s (250 ms by intended start); bins without samples are skipped
    b          budget: the largest bad fraction that the objective allows
    lambda_j   stakes: J = 8 of them, log-spaced from 1 to 0.5 / b
    m, alpha   deviated when E_t >= m / alpha: m tests in the run, alpha the run's chance of one false alarm

While the expected bad fraction of every bin is at most b, whatever came before, E_t is a supermartingale that starts
at 1, so that the chance of its ever reaching m / alpha is at most alpha / m (Ville), and of any of m such tests at most
alpha. Bins instead of requests, because failures come in bursts: a per-request test is wrong 22 % of the time then.

Source: Waudby-Smith and Ramdas, arXiv:2010.09686; Howard et al., arXiv:1810.08240.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

BIN_S = 0.25  # seconds; four chances a second to decide, and a burst of failures is one observation, not many
STAKES = 8


def needed(tests: int, alpha: float) -> float:
    """m / alpha: what E_t must reach. `tests` is at least 1."""
    return max(1, tests) / alpha


def stakes(budget: float) -> tuple[float, ...]:
    """lambda_j for 0 < budget < 1. Each loses at most half of its capital in a bin without failures."""
    if not 0.0 < budget < 1.0:
        raise ValueError(f"a budget between 0 and 1 is needed, got {budget!r}")
    last = math.log(0.5 / budget)
    if last <= 0.0:  # a budget of a half and more: a stake of 1 could lose more than half
        return (0.5 / budget,) * STAKES
    return tuple(math.exp(last * j / (STAKES - 1)) for j in range(STAKES))


class Martingale:
    """E_t of one condition in one window, fed bin by bin. Kept in logarithms: neither over- nor underflows.

    A budget of 0 is refuted by the first bad sample (E = infinity); a budget of 1 never is.
    """

    def __init__(self, budget: float) -> None:
        self.budget = budget
        self.bins = 0
        self.log_largest = 0.0  # of all t so far, E_0 = 1 included
        self._impossible = budget <= 0.0
        self._stakes = stakes(budget) if 0.0 < budget < 1.0 else ()
        self._logs = [0.0] * len(self._stakes)

    def add(self, bad: float, total: float) -> float:
        """One bin; returns log E_t. A bin without samples changes nothing."""
        if total > 0:
            self.bins += 1
            surplus = min(1.0, bad / total) - self.budget
            if self._impossible and bad > 0:
                self._logs = [math.inf]
            for j, stake in enumerate(self._stakes):
                self._logs[j] += math.log1p(stake * surplus)
            self.log_largest = max(self.log_largest, self.log_e)
        return self.log_e

    def copy(self) -> Martingale:
        """One that goes on from here by itself."""
        twin = Martingale(self.budget)
        twin.bins, twin.log_largest, twin._logs = self.bins, self.log_largest, list(self._logs)
        return twin

    @property
    def log_e(self) -> float:
        """ln E_t."""
        if not self._logs:
            return 0.0
        top = max(self._logs)
        if math.isinf(top):
            return top
        return top + math.log(math.fsum(math.exp(x - top) for x in self._logs) / len(self._logs))

    @property
    def largest(self) -> float:
        """The largest E_t so far; as large as a float can be rather than infinite, so that it is JSON."""
        return math.exp(min(self.log_largest, 709.0))

    def reached(self, e_needed: float) -> bool:
        """Whether E_t has ever been so large. Once true, always true."""
        return self.log_largest >= math.log(e_needed)


def first_deviation(bins: Iterable[tuple[float, float]], budget: float, e_needed: float) -> tuple[int | None, float]:
    """(the index of the bin at which E_t reached `e_needed`, or None; the largest E_t of all bins)."""
    martingale = Martingale(budget)
    at: int | None = None
    for index, (bad, total) in enumerate(bins):
        martingale.add(bad, total)
        if at is None and martingale.reached(e_needed):
            at = index
    return at, martingale.largest
