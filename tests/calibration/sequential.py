"""How often a run without a fault is called deviated, and how soon one with a fault is."""

from __future__ import annotations

import statistics
from functools import partial

from chaos.model.verdict import Outcome
from chaos.stats.sequential import BIN_S, first_deviation, needed

from .noise import Dice, Noise, bursts, drifting, independent, moods
from .nullruns import CONDITIONS, INJECTIONS, RATE, judged, null_run, with_failures
from .suite import Found, Suite, at_least, at_most, percent

LONGEST_S = 300.0
ALPHA = 0.01
# A tenth of a second, of the test's quarters.
SPANNING = "bursts of 20"
TESTS = 2 * INJECTIONS * len(CONDITIONS)  # of a run like the simulated ones: 16


def _null(noise: Noise, load: float, dice: Dice, count: int) -> Found:
    seen = [judged(null_run(dice, noise, load)) for _ in range(count)]
    return {
        "n": count, "alarms": sum(s.alarm for s in seen), "deviated": sum(s.outcome is Outcome.DEVIATED for s in seen)
    }  # fmt: skip


def _null_row(cell: str, found: Found) -> tuple[str, ...]:
    n, alarms, deviated = found["n"], found["alarms"], found["deviated"]
    window, run = ((f"{k}", percent(k / n), percent(at_most(k, n))) for k in (alarms, deviated))
    return cell, f"{n:,}", *run, *window


def _null_wrong(cell: str, found: Found) -> str:
    """The promise is about the run; it is kept by every window, too, but where bursts reach from bin to bin."""
    alarms = found["deviated" if cell == SPANNING else "alarms"]
    return "" if at_most(alarms, found["n"]) <= ALPHA or found["n"] < 2000 else "the bound is over 1 %"


_BOUND = "99 % upper bound"
_HEAD = ("noise", "runs", "run deviated", "rate", _BOUND, "any window deviated", "rate", _BOUND)

NULL = Suite(
    name="null",
    title="A run without a fault is called deviated",
    head=_HEAD,
    cells={
        "independent": partial(_null, independent, 1.0),
        "bursts of 5": partial(_null, bursts(5), 1.0),
        "bursts of 10": partial(_null, bursts(10), 1.0),
        SPANNING: partial(_null, bursts(20), 1.0),
        "moods of 1 s, at worst the budget": partial(_null, moods(1.0), 1.0),
        "moods of 10 s, at worst the budget": partial(_null, moods(10.0), 1.0),
    },
    row=_null_row,
    # Bursts that reach into the next bin give the test away a little: more runs tell by how much.
    counts={SPANNING: 20_000},
    wrong=_null_wrong,
    note="""\
Every run: two injections, five windows of 15 s at 200 requests a second, four objectives (availability 99.9 %, a p99,
a p95, transactions), each used up exactly: the worst case that is still no deviation. The promise is about the run.
*Any window* also counts those of a shop that was not steady before, which the verdict calls inconclusive.""",
)

DRIFT = Suite(
    name="drift",
    title="What that does not promise: a shop that meets its objectives in the long run, and breaks them for seconds",
    head=_HEAD,
    cells={
        f"moods of {memory_s:g} s, {share} of the budget used": partial(_null, drifting(memory_s), load)
        for memory_s in (1.0, 5.0)
        for share, load in (("all", 1.0), ("1/2", 0.5), ("1/5", 0.2), ("1/20", 0.05))
    },
    row=_null_row,
    count=1000,
    note="""\
Latency with a memory (30 % of the variance of its logarithm is a mood that lasts 1 s or 5 s). For seconds it is many
times the budget: *deviated* is true of these windows, and wrong only as a word on the fault. Measure your own shop's
noise with `saleproof calibrate`.""",
)


def _power(budget: float, ratio: float, tests: int, dice: Dice, count: int) -> Found:
    """Seconds until it is certain; those that take longer than five minutes count as `LONGEST_S`."""
    e_needed, bins = needed(tests, ALPHA), round(LONGEST_S / BIN_S)
    seconds = []
    for _ in range(count):
        total = dice.poisson(RATE * BIN_S, bins)
        bad = total if ratio >= 1 else dice.binomial(total, ratio)
        at, _ = first_deviation(zip(bad.tolist(), total.tolist(), strict=True), budget, e_needed)
        seconds.append(LONGEST_S if at is None else (at + 1) * BIN_S)
    return {"n": count, "seconds": seconds}


def _power_row(cell: str, found: Found) -> tuple[str, ...]:
    ordered, n = sorted(found["seconds"]), found["n"]
    seen = sum(s < LONGEST_S for s in ordered)
    middle, high = statistics.median(ordered), ordered[int(0.95 * n)]
    return cell, f"{n:,}", f"{middle:.2f} s", f"{high:.2f} s", percent(seen / n), percent(at_least(seen, n))


POWER = Suite(
    name="power",
    title="Seconds of a fault until *deviated*, at 200 requests a second",
    head=("objective and harm", "windows", "median", "p95", "seen within 5 min", "99 % lower bound"),
    cells={
        f"{name}, {harm}, {tests} test{'s' * (tests > 1)} in the run": partial(_power, budget, ratio, tests)
        for name, budget in (("99 %", 0.01), ("99.9 %", 0.001), ("99.99 %", 0.0001))
        for harm, ratio in (("outage", 1.0), ("ten times the budget", 10 * budget))
        for tests in (1, TESTS)
    },
    row=_power_row,
    count=2000,
    piece=50,
    wrong=lambda cell, found: (
        "" if sum(s < LONGEST_S for s in found["seconds"]) >= 0.95 * found["n"] else "the power is below 95 %"
    ),
)


def _judged_power(ratio: float, dice: Dice, count: int) -> Found:
    seen = [
        judged(with_failures(null_run(dice, independent, 0.02), "during 1", ratio, dice)).outcome
        for _ in range(count)
    ]  # fmt: skip
    return {"n": count, "deviated": sum(outcome is Outcome.DEVIATED for outcome in seen)}


JUDGED = Suite(
    name="judged",
    title="The whole judge: runs whose availability of 99.9 % is broken for a window of 15 s",
    head=("harm", "runs", "run deviated", "99 % lower bound"),
    cells={
        "outage": partial(_judged_power, 1.0),
        "ten times the budget": partial(_judged_power, 0.01),
        "thirty times the budget": partial(_judged_power, 0.03),
    },
    row=lambda cell, f: (
        cell, f"{f['n']:,}", percent(f["deviated"] / f["n"]), percent(at_least(f["deviated"], f["n"]))
    ),
    count=1000,
    wrong=lambda cell, f: "" if f["deviated"] >= 0.95 * f["n"] else "the power is below 95 %",
)  # fmt: skip
