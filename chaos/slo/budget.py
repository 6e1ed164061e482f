"""Error budgets: what a window allows, what of it was spent, and how fast. VERDICTS section 2.

By occurrences the unit is an event (a request, a customer, a reading), by time slices a slice. A slice without events
is neither good nor bad: nobody was there to be served.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True, slots=True)
class Budget:
    """Of one window. `bad` and `total` are what was counted so far, `allowed` how much may be bad in the whole window;
    all three in events or in slices."""

    bad: float
    total: float
    allowed: float

    @property
    def spent(self) -> float:
        """The share of the budget that is gone: 1.0 is all of it, and there may be more."""
        if self.allowed > 0:
            return self.bad / self.allowed
        return math.inf if self.bad > 0 else 0.0

    @property
    def left(self) -> float:
        """The share that is left; below 0 when more was spent than there was."""
        return 1.0 - self.spent


def so_far(bad: float, total: float, budget: float) -> Budget:
    """Of a rolling window that is full: the events in it are all that there are. `budget` is b = 1 - objective.
    Raises: ValueError for counts that are none."""
    _counts(bad, total)
    return Budget(bad=bad, total=total, allowed=budget * total)


def ahead(bad: float, total: float, budget: float, expected: float) -> Budget:
    """Of a window that is not over, or has not begun: so many events are `expected` in the whole of it, or more than
    that, when more were counted already."""
    _counts(bad, total)
    return Budget(bad=bad, total=total, allowed=budget * max(expected, total))


def burn_rate(bad: float, total: float, budget: float) -> float | None:
    """How many times as fast as the objective allows: 1 spends the budget exactly in its window. None without traffic:
    0/0 is no rate. Raises: ValueError."""
    _counts(bad, total)
    return None if total == 0 else bad / total / budget


def lasts_s(bad: float, total: float, budget: float, length_s: float) -> float | None:
    """After how many seconds of this the whole budget of the window is gone; None when it never is."""
    rate = burn_rate(bad, total, budget)
    return None if rate is None or rate <= 1.0 else length_s / rate


def slices(
    at_s: NDArray[np.float64], bad: NDArray[np.float64], total: NDArray[np.float64], *, slice_s: float, good: float,
    from_s: float = 0.0,
) -> tuple[int, int]:  # fmt: skip
    """(bad slices, slices with events). Each entry happened at `at_s` and stands for `total` events; a slice is good
    when at least the share `good` of its events were. Slices begin at `from_s`."""
    if not len(at_s):
        return 0, 0
    index = np.floor((at_s - from_s) / slice_s).astype(np.int64)
    index -= index.min()
    totals, bads = np.bincount(index, total), np.bincount(index, bad)
    there = totals > 0
    # A hair's breadth for floating point: 95 % of 20 is 19.
    is_bad = there & (totals - bads < good * totals - 1e-9)
    return int(is_bad.sum()), int(there.sum())


def _counts(bad: float, total: float) -> None:
    if not (math.isfinite(bad) and math.isfinite(total)) or not 0 <= bad <= total:
        raise ValueError(f"{bad:g} bad of {total:g} is no count of events")
