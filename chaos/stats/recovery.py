"""How long after a fault was removed the harm went on: a change point with a likelihood interval.

    l(t) = max over p1 >= b, p2 <= p1 of   log P(the bad of the bins before t | p1) + log P(those after t | p2)
    at   = argmax l(t)            interval = {t : 2 (l(at) - l(t)) <= 6}, and a bin more on each side

    t    seconds since the removal: 0 is `at once`, the last end is `not within what was watched`
    p1, p2   bad fractions before and after t; without bins before t there is no p1
    b    budget of the objective: less than that is no harm to recover from. 0 when there is none

The textbook's 3.84 for 95 % covers the truth in 85 to 93 % of simulated recoveries only, since a change point is no
smooth parameter; 6 covers it. t is the end of a bin, and the truth may lie within one: hence the bin more.

Source: Hinkley, Biometrika 57 (1970), for the change point; the rest by simulation.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]

LIKELIHOOD_DROP = 6.0
ROUNDING = 1e-9

# The seconds after a recovery that must hold: 10 s missed a relapse after 15.
LEAST_STEADY_S = 30.0
CLEAN = 3.0  # -ln 0.05: so many clean samples over the budget prove it with 95 %


class Fit(NamedTuple):
    """Seconds since the removal, and the bad fraction on each side of `at_s` (0 where there is nothing)."""

    at_s: float
    low_s: float
    high_s: float
    before: float
    after: float


def fit(bad: ArrayLike, total: ArrayLike, bin_s: float, *, budget: float = 0.0) -> Fit:
    """The change point of equal bins, the first of which begins when the fault was removed.

    Bins without samples may be among them. Raises: ValueError without any sample, and for impossible counts.
    """
    bads, totals = np.asarray(bad, np.float64), np.asarray(total, np.float64)
    if bads.shape != totals.shape or bads.ndim != 1 or bool((bads < 0).any()) or bool((bads > totals).any()):
        raise ValueError("counts of bad samples, each at most the total of its bin, are needed")
    if not totals.sum() > 0:
        raise ValueError("no samples, no recovery time")
    k1, n1 = (np.concatenate([[0.0], np.cumsum(each)]) for each in (bads, totals))
    k2, n2 = k1[-1] - k1, n1[-1] - n1
    likelihood = _best(k1, n1, k2, n2, budget)
    # The earliest of equals; where one rate for both is best, only rounding tells the splits apart.
    at = int(np.argmax(likelihood >= likelihood.max() - ROUNDING * (1 + abs(likelihood.max()))))
    within = np.flatnonzero(2 * (likelihood[at] - likelihood) <= LIKELIHOOD_DROP)
    return Fit(
        at_s=at * bin_s, low_s=max(0, int(within[0]) - 1) * bin_s, high_s=min(len(bads), int(within[-1]) + 1) * bin_s,
        before=float(k1[at] / n1[at]) if n1[at] else 0.0, after=float(k2[at] / n2[at]) if n2[at] else 0.0,
    )  # fmt: skip


def steady_s(budget: float, rate: float) -> float:
    """W: so many seconds after a recovery must hold the objective, or it may be a lull. `rate`: samples a second."""
    return max(LEAST_STEADY_S, CLEAN / (budget * rate)) if budget > 0 and rate > 0 else float("inf")


def _best(k1: Floats, n1: Floats, k2: Floats, n2: Floats, budget: float) -> Floats:
    """The largest log-likelihood of every split."""
    p1 = np.maximum(_share(k1, n1), budget)
    p2 = _share(k2, n2)
    # Worse after than before: the best that is allowed is one rate for both, unless the budget forbids that too.
    crossed = (p2 > p1) & (n1 > 0)
    pooled = np.maximum((k1 + k2) / (n1 + n2), budget)
    p1, p2 = np.where(crossed, pooled, p1), np.where(crossed, pooled, p2)
    return _log_binomial(k1, n1, p1) + _log_binomial(k2, n2, p2)


def _share(k: Floats, n: Floats) -> Floats:
    return np.divide(k, n, out=np.zeros_like(k), where=n > 0)


def _log_binomial(k: Floats, n: Floats, p: Floats) -> Floats:
    from scipy.special import xlog1py, xlogy

    return np.asarray(xlogy(k, p) + xlog1py(n - k, -p))
