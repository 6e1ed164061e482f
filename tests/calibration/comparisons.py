"""How often `no worse than before` is wrong, and how often it sees that a percentile is."""

from __future__ import annotations

import math
from functools import partial

import numpy as np
from numpy.typing import NDArray

from chaos.stats.bootstrap import ALPHA, compare
from chaos.stats.histogram import per_second

from .noise import Dice, arrivals, mood
from .suite import Found, Suite, at_least, at_most, percent

WINDOW_S = 60
RATE = 200.0
SIGMA = 0.6  # of the logarithm: p99 is four times the median, as web pages have it
MIDDLE_US = 50_000.0

# (how long a mood lasts in seconds, which part of the variance it carries)
Mood = tuple[float, float]
MOODS: tuple[Mood, ...] = ((0.0, 0.0), (1.0, 0.1), (5.0, 0.1), (5.0, 0.3), (20.0, 0.3))


def latencies(dice: Dice, moody: Mood, times: float) -> NDArray[np.int64]:
    """A window as per-second histograms: log-normal, `times` as slow, with a mood where it has a memory."""
    at_s = arrivals(dice, RATE, WINDOW_S)
    logs = dice.standard_normal(len(at_s))
    memory_s, weight = moody
    if memory_s:
        logs = math.sqrt(weight) * mood(dice, at_s, memory_s) + math.sqrt(1 - weight) * logs
    return per_second(at_s.astype(np.int64), MIDDLE_US * times * np.exp(SIGMA * logs), WINDOW_S)


def _compared(q: float, moody: Mood, times: float, dice: Dice, count: int) -> Found:
    found = [
        compare(latencies(dice, moody, 1.0), latencies(dice, moody, times), q, seed=int(dice.integers(2**31)))
        for _ in range(count)
    ]
    return {"n": count, "worse": sum(c.worse for c in found), "no_worse": sum(c.no_worse for c in found)}


def _name(moody: Mood) -> str:
    memory_s, weight = moody
    return f"moods of {memory_s:g} s, {100 * weight:g} %" if memory_s else "independent"


def _row(cell: str, found: Found) -> tuple[str, ...]:
    n, worse = found["n"], found["worse"]
    bounds = f"{percent(at_least(worse, n))} to {percent(at_most(worse, n))}"
    return cell, f"{n:,}", percent(worse / n), bounds, percent(found["no_worse"] / n)


def _wrong(cell: str, found: Found) -> str:
    n, worse = found["n"], found["worse"]
    # Blocks of 10 s cannot see what lasts longer: that row is published, and promised by nobody.
    if "as before" in cell and "20 s" not in cell and at_least(worse, n, 0.999) > ALPHA:
        return "more than 1 % false alarms"
    if "1.5 times" in cell and "independent" in cell and at_most(worse, n, 0.999) < 0.95:
        return "the power is below 95 %"
    return ""


_TIMES = (("as slow as before", 1.0), ("1.2 times as slow, which is tolerated", 1.2), ("1.5 times as slow", 1.5))

WORSE = Suite(
    name="worse",
    title="`no worse than before`: a window of 60 s against one of 60 s",
    head=("percentile, latencies, truth", "comparisons", "called worse", "99 % bounds", "called no worse"),
    cells={
        f"p{100 * q:g}, {_name(moody)}, {name}": partial(_compared, q, moody, times)
        for name, times in _TIMES
        for q, moody in (*((0.99, moody) for moody in MOODS), (0.5, MOODS[1]))
    },
    row=_row,
    count=1000,
    piece=50,
    wrong=_wrong,
    note="""\
200 requests a second, log-normal; with moods, that part of the variance of latency's logarithm lasts that long. What is
neither worse nor no worse is inconclusive. The blocks are 10 s long: moods of 20 s are beyond what they can see.""",
)
