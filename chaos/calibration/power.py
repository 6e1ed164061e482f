"""What a target's traffic can show, and how soon: by simulation with its own rate and usual share of bad samples."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from chaos.model.calibration import Detection, SliNoise
from chaos.model.objective import Condition
from chaos.model.sli import Shape
from chaos.stats.binomial import spare_failures
from chaos.stats.bootstrap import TOLERANCE, TooLittle, compare
from chaos.stats.sequential import BIN_S, Martingale

if TYPE_CHECKING:
    from numpy.typing import NDArray

TRIES = 100
LONGEST_S = 600.0
SLOWER = 1.5
# Student's t for 1 % and twenty blocks, and the normal's 95th percentile: false alarm and power.
T_ALARM, Z_POWER = 2.53, 1.645
_LONGEST_WINDOW_S = 86_400


def with_power(
    noise: SliNoise, condition: Condition, e_needed: float, seconds: NDArray[Any] | None, seed: int = 1
) -> SliNoise:
    """The same, with what it means for a run whose sequential test needs `e_needed`."""
    dice = np.random.default_rng(seed)
    usual = noise.bad / noise.total if noise.total else 0.0
    harms = {"everything fails": 1.0, "ten times the budget": min(1.0, 10 * condition.budget)}
    if condition.shape is Shape.LATENCY:
        harms = {"everything too slow": 1.0, "ten times the budget too slow": min(1.0, 10 * condition.budget)}
    # A slow request is known to be bad once it is older than the threshold.
    known_s = condition.threshold if condition.shape is Shape.LATENCY else 0.0
    detections = tuple(
        detection(harm, max(usual, ratio), condition.budget, noise.per_s, e_needed, known_s, dice)
        for harm, ratio in harms.items()
    )
    return msgspec.structs.replace(
        noise, detections=detections, window_to_hold_s=window_to_hold_s(usual, condition.budget, noise.per_s),
        window_to_compare_s=window_to_compare_s(condition, seconds, seed),
    )  # fmt: skip


def detection(
    harm: str, ratio: float, budget: float, per_s: float, e_needed: float, known_s: float, dice: np.random.Generator
) -> Detection:
    """Median and p95 of the seconds until it is certain."""
    if per_s <= 0 or ratio <= budget:
        return Detection(harm=harm, median_s=None, p95_s=None)
    taken = sorted(_seconds(ratio, budget, per_s, e_needed, dice) for _ in range(TRIES))
    middle, high = taken[TRIES // 2], taken[math.ceil(0.95 * TRIES) - 1]
    return Detection(
        harm=harm,
        median_s=middle + known_s if middle < math.inf else None,
        p95_s=high + known_s if high < math.inf else None,
    )


def _seconds(ratio: float, budget: float, per_s: float, e_needed: float, dice: np.random.Generator) -> float:
    martingale = Martingale(budget)
    totals = dice.poisson(per_s * BIN_S, round(LONGEST_S / BIN_S))
    for index, (bad, total) in enumerate(zip(dice.binomial(totals, ratio).tolist(), totals.tolist(), strict=True)):
        martingale.add(bad, total)
        if martingale.reached(e_needed):
            return (index + 1) * BIN_S
    return math.inf


def window_to_hold_s(usual: float, budget: float, per_s: float) -> float | None:
    """The shortest window in which the usual share of bad samples is proven to be within the budget 19 times in 20.
    None where no window does, because the usual share is at the budget or beyond."""
    if usual >= budget or per_s <= 0:
        return None
    from scipy.special import pdtrik

    def enough(length_s: float) -> bool:
        n = math.floor(per_s * length_s - Z_POWER * math.sqrt(per_s * length_s))
        likely = math.ceil(float(pdtrik(0.95, per_s * length_s * usual))) if usual else 0
        return n > 0 and spare_failures(n, budget) >= likely

    low, high = 0.0, 1.0
    while not enough(high):
        low, high = high, high * 2
        if high > _LONGEST_WINDOW_S:
            return None
    while high - low > max(0.5, 0.01 * high):
        middle = (low + high) / 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return float(math.ceil(high))


def window_to_compare_s(condition: Condition, seconds: NDArray[Any] | None, seed: int) -> float | None:
    """How long two windows must be for `no worse than before` to see a percentile that is 1.5 times as slow.

    The standard error that the bootstrap finds between the two halves of all that was seen shrinks as 1 / sqrt(length):
        ln(1.5) - ln(1.2) >= (t + z) se(half) sqrt(half / length)
    """
    if seconds is None or condition.percentile is None:
        return None
    half = len(seconds) // 2
    try:
        found = compare(seconds[:half], seconds[half : 2 * half], condition.percentile / 100, seed=seed)
    except TooLittle:
        return None
    room = math.log(SLOWER) - math.log(max(1 + TOLERANCE, found.allowed))
    if room <= 0:
        return None
    return float(math.ceil(max(30.0, half * ((T_ALARM + Z_POWER) * found.standard_error / room) ** 2)))
