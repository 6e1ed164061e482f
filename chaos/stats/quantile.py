"""A percentile with the interval that order statistics give it, free of any assumption about the distribution.

    the i-th smallest of n is the q-quantile's estimate for i = ceil(q n)
    interval: from rank Bin^-1(0.025; n, q) to rank Bin^-1(0.975; n, q) + 1, ranks counted from 1

    n   samples (independent)           q   0 < q < 1: 0.99 for p99
    Bin^-1(u; n, q)   the smallest k with P(Bin(n, q) <= k) >= u

Source: David and Nagaraja, Order Statistics, 3rd ed. (2003), section 7.1.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Fewer are partitioned: that takes no time. Of more the highest so many bits tell which of them have to be sorted.
FEW = 10_000
ROUGH_BITS = 16


class Percentile(NamedTuple):
    """In the unit of the samples. `low` or `high` is None where so few samples put no bound on that side."""

    value: float
    low: float | None
    high: float | None


def percentile(samples: NDArray[Any], q: float, confidence: float = 0.95) -> Percentile:
    """The q-quantile of the samples and its interval. Raises: ValueError without samples."""
    n = len(samples)
    if n == 0:
        raise ValueError("no samples, no percentile")
    doubt = (1.0 - confidence) / 2.0
    # The rounding keeps 0.99 * 100 = 99.00000000000001 from asking for the 100th.
    middle = min(n, max(1, math.ceil(round(q * n, 9))))
    below, above = _binomial_quantile(doubt, n, q), _binomial_quantile(1.0 - doubt, n, q) + 1
    ranks = sorted({min(n, max(1, rank)) - 1 for rank in (below, middle, above)})
    ordered = _ordered(samples, ranks)
    return Percentile(
        value=float(ordered[middle - 1]),
        low=float(ordered[below - 1]) if below >= 1 else None,
        high=float(ordered[above - 1]) if above <= n else None,
    )


def _ordered(samples: NDArray[Any], ranks: list[int]) -> dict[int, Any]:
    """The samples at these ranks, counted from 0. Of many whole numbers only those near the ranks are sorted, which is
    several times faster than a partition of all of them."""
    import numpy as np

    if len(samples) < FEW or samples.dtype.kind != "i" or int(samples.min()) < 0:
        ordered = np.partition(samples, ranks)
        return {rank: ordered[rank] for rank in ranks}
    rough = samples >> max(0, int(samples.max()).bit_length() - ROUGH_BITS)
    up_to = np.cumsum(np.bincount(rough))
    first, last = (int(np.searchsorted(up_to, rank, side="right")) for rank in (ranks[0], ranks[-1]))
    below = int(up_to[first - 1]) if first else 0
    near = np.sort(samples[(rough >= first) & (rough <= last)])
    return {rank: near[rank - below] for rank in ranks}


def _binomial_quantile(u: float, n: int, q: float) -> int:
    """The smallest k with P(Bin(n, q) <= k) >= u."""
    from scipy.special import bdtr, bdtrik

    k = math.ceil(float(bdtrik(u, n, q)))
    # bdtrik inverts a continuous extension; the step below may already suffice.
    if k > 0 and float(bdtr(k - 1, n, q)) >= u:
        k -= 1
    return max(0, k)
