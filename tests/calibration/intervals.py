"""How often a *held* is wrong at the boundary, and how often a percentile's interval has the truth in it."""

from __future__ import annotations

from functools import partial

import numpy as np
from scipy.special import ndtri

from chaos.stats import early
from chaos.stats.binomial import holds, samples_needed
from chaos.stats.quantile import percentile

from .noise import Dice, Noise, arrivals, bursts, independent, mood
from .suite import Found, Suite, at_least, at_most, percent

BUDGET = 0.001
N = 3600
LONGEST, LOOK = 14_400, 50


def _held(noise: Noise, n: int, dice: Dice, count: int) -> Found:
    """Exactly the budget: every `held` is one too many."""
    at_s = np.arange(n, dtype=np.float64)
    wrong = sum(holds(int(noise(dice, at_s, BUDGET).sum()), n, BUDGET) for _ in range(count))
    return {"n": count, "held": wrong}


def _until_decided(noise: Noise, n: int, dice: Dice, count: int) -> Found:
    """The same where a window may end early: looked at after each quarter of a second of 50, and at its longest."""
    at_s, looks = np.arange(n, dtype=np.float64), np.arange(LOOK, n + 1, LOOK)
    most, allowed = -1, []
    for total in looks.tolist():
        while early.holds_early(most + 1, total, BUDGET):
            most += 1
        allowed.append(most)
    wrong = 0
    for _ in range(count):
        bad = noise(dice, at_s, BUDGET).cumsum()
        at_the_end = holds(int(bad[-1]), n, BUDGET, early.END_CONFIDENCE)
        wrong += at_the_end or bool((bad[looks - 1] <= allowed).any())
    return {"n": count, "held": wrong}


def _held_wrong(cell: str, found: Found) -> str:
    if not cell.startswith("independent") or found["n"] < 2000:
        return ""
    # The exact bound promises 5 %; chance makes it more with probability 0.001.
    return "" if at_least(found["held"], found["n"], 0.999) <= 0.05 else "held is wrong more than 5 % of the time"


HELD = Suite(
    name="held",
    title="*Held*, at exactly the budget of 99.9 %",
    head=("failures", "windows", "called held", "99 % upper bound"),
    cells={
        **{
            f"independent, n = {samples_needed(BUDGET, k):,}": partial(_held, independent, samples_needed(BUDGET, k))
            for k in (0, 1, 3)
        },
        f"independent, n = {N:,}": partial(_held, independent, N),
        **{f"in bursts of {size}, n = {N:,}": partial(_held, bursts(size), N) for size in (5, 10, 20)},
        f"independent, until decided, longest n = {LONGEST:,}": partial(_until_decided, independent, LONGEST),
        f"in bursts of 10, until decided, longest n = {LONGEST:,}": partial(_until_decided, bursts(10), LONGEST),
    },
    row=lambda cell, f: (cell, f"{f['n']:,}", percent(f["held"] / f["n"]), percent(at_most(f["held"], f["n"]))),
    count=20_000,
    piece=1000,
    wrong=_held_wrong,
)


def _covers(q: float, memory_s: float, dice: Dice, count: int) -> Found:
    truth, covered = float(np.exp(ndtri(q))), 0
    for _ in range(count):
        at_s = arrivals(dice, 200.0, 15.0)
        logs = dice.standard_normal(len(at_s))
        if memory_s:
            logs = np.sqrt(0.3) * mood(dice, at_s, memory_s) + np.sqrt(0.7) * logs
        found = percentile(np.exp(logs), q)
        covered += (found.low or 0.0) <= truth and (found.high is None or truth <= found.high)
    return {"n": count, "covered": covered}


def _coverage_wrong(cell: str, found: Found) -> str:
    if not cell.endswith("independent") or at_most(found["covered"], found["n"], 0.999) >= 0.95:
        return ""
    return "the interval covers less than 95 %"


COVERAGE = Suite(
    name="coverage",
    title="A percentile's 95 % interval has the true one in it",
    head=("percentile, latencies", "windows of 15 s", "covered", "99 % lower bound"),
    cells={
        **{f"p{100 * q:g}, independent": partial(_covers, q, 0.0) for q in (0.5, 0.95, 0.99)},
        **{f"p{100 * q:g}, moods of 1 s": partial(_covers, q, 1.0) for q in (0.5, 0.99)},
    },
    row=lambda cell, f: (cell, f"{f['n']:,}", percent(f["covered"] / f["n"]), percent(at_least(f["covered"], f["n"]))),
    count=4000,
    piece=500,
    wrong=_coverage_wrong,
    note="Order statistics assume independence; with a memory the interval is too narrow, and the estimate as good.",
)
