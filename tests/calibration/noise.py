"""What requests are like when nothing is wrong but chance: independent, in bursts, or with a memory."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

Dice = np.random.Generator
Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]
# (dice, intended starts in seconds and sorted, the share that is bad) -> which are bad
Noise = Callable[[Dice, Floats, float], Mask]

# The unit in which a shop's mood changes; finer than a verdict's bins.
TICK_S = 0.1


def arrivals(dice: Dice, per_s: float, length_s: float) -> Floats:
    """Poisson arrivals, sorted, in seconds."""
    return np.sort(dice.random(dice.poisson(per_s * length_s)) * length_s)


def independent(dice: Dice, at_s: Floats, ratio: float) -> Mask:
    """Each is bad by its own chance."""
    bad: Mask = dice.random(len(at_s)) < ratio
    return bad


def bursts(size: int) -> Noise:
    """So many in a row are bad together; the share is the same."""

    def noise(dice: Dice, at_s: Floats, ratio: float) -> Mask:
        # A burst may have begun before the first request.
        begins = dice.random(len(at_s) + size - 1) < 1 - (1 - ratio) ** (1 / size)
        bad: Mask = np.convolve(begins, np.ones(size))[size - 1 : size - 1 + len(at_s)] > 0.5
        return bad

    return noise


def moods(memory_s: float) -> Noise:
    """The share goes up and down between nothing and the budget, with that correlation time: it is never expected to be
    beyond the budget, whatever came before. Half of the budget in the long run."""

    def noise(dice: Dice, at_s: Floats, ratio: float) -> Mask:
        bad: Mask = dice.random(len(at_s)) < ratio * ndtr(mood(dice, at_s, memory_s))
        return bad

    return noise


def drifting(memory_s: float, weight: float = 0.3) -> Noise:
    """Like real latency: a slow mood carries `weight` of its logarithm's variance, and what is slower than the
    threshold is bad. The share asked for is that of a long time. In a bad mood it is many times that, for seconds."""

    def noise(dice: Dice, at_s: Floats, ratio: float) -> Mask:
        spread = math.sqrt(weight) * mood(dice, at_s, memory_s)
        bad: Mask = spread + math.sqrt(1 - weight) * dice.standard_normal(len(at_s)) > -ndtri(ratio)
        return bad

    return noise


def mood(dice: Dice, at_s: Floats, memory_s: float) -> Floats:
    """A standard normal AR(1) at each of these moments."""
    from scipy.signal import lfilter

    rho = math.exp(-TICK_S / memory_s)
    ticks = int((at_s[-1] if len(at_s) else 0) / TICK_S) + 1
    steps = dice.standard_normal(ticks) * math.sqrt(1 - rho**2)
    steps[0] /= math.sqrt(1 - rho**2)  # stationary from the start
    ticked: Any = lfilter([1.0], [1.0, -rho], steps)
    at: Floats = ticked[(at_s / TICK_S).astype(np.int64)]
    return at
