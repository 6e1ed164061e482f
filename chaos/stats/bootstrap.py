"""Is a percentile worse than it was before? A moving-block bootstrap, since latency is autocorrelated.

    d  = ln q_during - ln q_before
    se = sqrt(v_before + v_during),   v = var*(ln q) n / (n - l)
    worse      when d - t(1 - alpha) se > ln R       proven to be worse than what is tolerated
    no worse   when d + t(1 - 0.05)  se <= ln R      proven to be within it
    R = max(1 + tolerance, 1 + 5 ms / q_before)

    q       the percentile of one window         n, l    its seconds, and those of a block: l = 10
    var*    over B = 200 resamples, each of n / l blocks of l seconds in a row, drawn with replacement
    t       Student's, one-sided, with the Welch-Satterthwaite degrees of freedom of 1.5 (n / l - 1) for each window
    alpha   the chance of a false `worse`: the run's alpha divided by its tests

A test on requests (Mann-Whitney) calls 85 % of comparisons without any fault worse, one on the means of seconds 47 %:
both take neighbours for independent. Blocks keep what lasts less than 10 s together. n / (n - l) undoes the bias of
few blocks, and overlapping blocks are worth 1.5 times as many separate ones.

Source: Kuensch, Annals of Statistics 17 (1989); Meketon and Schmeiser, Overlapping batch means, WSC (1984).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from chaos.stats.histogram import LAYOUT, Layout, quantile_index

if TYPE_CHECKING:
    from numpy.typing import NDArray

BLOCK_S = 10
RESAMPLES = 200
LEAST_BLOCKS = 3  # fewer say nothing about how the blocks vary
LEAST_BEYOND = 10  # samples beyond the percentile, in each window: with fewer its logarithm is far from normal
TOLERANCE = 0.2
LEAST_DIFFERENCE = 5_000.0  # microseconds; a smaller difference is nobody's weakness
ALPHA = 0.01
CONFIDENCE = 0.95


class Comparison(NamedTuple):
    """`ratio` is q_during / q_before. `low` is its lower bound at 1 - alpha, `high` its upper one at 95 %, each on its
    own. `allowed` is R. Neither `worse` nor `no_worse`: the evidence does not decide."""

    ratio: float
    low: float
    high: float
    allowed: float
    worse: bool
    no_worse: bool
    before: float  # q_before, in the unit of the values
    during: float
    standard_error: float  # of ln ratio
    freedom: float  # degrees of freedom of t
    blocks_before: float
    blocks_during: float
    resamples: int
    seed: int


class TooLittle(ValueError):
    """Not enough of a window to compare; the message says what is missing."""


def compare(
    before: NDArray[Any],
    during: NDArray[Any],
    q: float,
    *,
    seed: int,
    tolerance: float = TOLERANCE,
    least_difference: float = LEAST_DIFFERENCE,
    alpha: float = ALPHA,
    block_s: int = BLOCK_S,
    resamples: int = RESAMPLES,
    layout: Layout = LAYOUT,
) -> Comparison:
    """Compare the q-quantiles of two windows, each given as (seconds, buckets) counts. Deterministic: the same counts
    and seed give the same figures, bit for bit.

    Raises: TooLittle, with fewer than three blocks or ten samples beyond the percentile; ValueError for other buckets.
    """
    for counts in (before, during):
        if counts.ndim != 2 or counts.shape[1] != layout.size:
            raise ValueError(f"{counts.shape} is not (seconds, {layout.size}): a histogram with other buckets")
    missing = [*_missing("before", before, q, block_s), *_missing("during", during, q, block_s)]
    if missing:
        raise TooLittle("; ".join(missing))
    dice = np.random.Generator(np.random.PCG64(seed))
    low_us, low_variance, low_freedom = _window(before, q, dice, block_s, resamples, layout)
    high_us, high_variance, high_freedom = _window(during, q, dice, block_s, resamples, layout)
    variance = low_variance + high_variance
    freedom = _freedom((low_variance, low_freedom), (high_variance, high_freedom))
    error = math.sqrt(variance)
    d = math.log(high_us / low_us)
    low = math.exp(d - _student(1 - alpha, freedom) * error)
    high = math.exp(min(700.0, d + _student(CONFIDENCE, freedom) * error))
    allowed = max(1 + tolerance, 1 + least_difference / low_us)
    return Comparison(
        ratio=high_us / low_us, low=low, high=high, allowed=allowed, worse=low > allowed, no_worse=high <= allowed,
        before=low_us, during=high_us, standard_error=error, freedom=freedom, blocks_before=len(before) / block_s,
        blocks_during=len(during) / block_s, resamples=resamples, seed=seed,
    )  # fmt: skip


def least_samples(q: float) -> int:
    """So many samples has a window at least that can be compared: 1,000 for a p99."""
    return math.ceil(round(LEAST_BEYOND / (1 - q), 6))


def _missing(name: str, counts: NDArray[Any], q: float, block_s: int) -> list[str]:
    least_s = LEAST_BLOCKS * block_s
    if len(counts) < least_s:
        return [f"'{name}' has {len(counts)} s of the {least_s} s that a comparison takes"]
    total, least = int(counts.sum()), least_samples(q)
    if total < least:
        return [f"'{name}' has {total:,} of the {least:,} samples that a comparison takes"]
    return []


def _window(
    counts: NDArray[Any], q: float, dice: np.random.Generator, block_s: int, resamples: int, layout: Layout
) -> tuple[float, float, float]:
    """(the percentile, the variance of its logarithm, that variance's degrees of freedom)."""
    used = np.flatnonzero(counts.any(axis=0))
    # In logarithms from here on; the middle of bucket 0 is 0, and has none.
    logs = np.log(np.maximum(layout.middle(used), 0.5))
    seconds = counts[:, used]
    n = len(seconds)
    value = logs[quantile_index(seconds.sum(axis=0), q)]
    up_to = np.vstack([np.zeros((1, len(used)), np.int64), np.cumsum(seconds, axis=0)])
    blocks = up_to[block_s:] - up_to[:-block_s]
    draws = max(1, round(n / block_s))
    starts = dice.integers(0, len(blocks), (resamples, draws))
    # Whole numbers, added one draw after the other: exact, and with no matrix library's threads to wait for.
    drawn = blocks[starts[:, 0]]
    for draw in range(1, draws):
        drawn += blocks[starts[:, draw]]
    drawn = drawn[drawn.any(axis=1)]
    found = logs[quantile_index(drawn, q)]
    variance = float(found.var(ddof=1)) * n / (n - block_s)
    return float(np.exp(value)), variance, 1.5 * (n / block_s - 1)


def _freedom(*parts: tuple[float, float]) -> float:
    """Welch and Satterthwaite: (sum v)^2 / sum(v^2 / f)."""
    bottom = sum(variance**2 / freedom for variance, freedom in parts)
    if bottom == 0.0:  # nothing varies at all: everything lies in one bucket
        return sum(freedom for _, freedom in parts)
    return sum(variance for variance, _ in parts) ** 2 / bottom


def _student(confidence: float, freedom: float) -> float:
    from scipy.special import stdtrit

    return float(stdtrit(freedom, confidence))
