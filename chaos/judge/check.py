"""One condition in one window: held, deviated or inconclusive, with every figure behind the word.

- before: *held* (steady) when the point estimate meets the objective on at least 100 samples (gauge: 5 readings),
  else inconclusive. Never deviated: nothing was done to the shop yet.
- during, after: *deviated* as soon as the sequential test says so, whatever comes later. Else *held*, if the window
  lasted as declared, by the exact bound; if it ended before because all was decided, by the test that may be looked at
  at any moment. Else *inconclusive*, with how many more clean samples would decide it.
"""

from __future__ import annotations

import numpy as np

from chaos.judge.counts import Count, count
from chaos.judge.spans import Span
from chaos.judge.words import allowed, counted, objective, things, unit_of
from chaos.model.journal import Journal
from chaos.model.objective import Condition
from chaos.model.sli import Shape
from chaos.model.verdict import Check, Outcome
from chaos.model.words import in_unit, seconds, with_interval
from chaos.stats import early
from chaos.stats.binomial import CONFIDENCE, holds, interval, samples_needed, upper_bound
from chaos.stats.quantile import percentile
from chaos.stats.sequential import BIN_S, first_deviation

# VERDICTS section 3 asks for no number; DESIGN says "at least 100 samples". Gauges are read once a second or so.
LEAST_BEFORE = 100
LEAST_READINGS_BEFORE = 5


def check(condition: Condition, journal: Journal, span: Span, *, e_needed: float, flaws: tuple[str, ...] = ()) -> Check:
    """Judge one. `flaws` say why it cannot be held here. Never raises: a check that breaks is inconclusive."""
    try:
        return _check(condition, journal, span, e_needed, tuple(f for f in (span.flaw, *flaws) if f))
    except Exception as cause:
        return Check(
            condition=condition.text, window=span.window.name, phase=span.window.phase, outcome=Outcome.INCONCLUSIVE,
            bad=0, total=0, budget=condition.budget,
            text=f"could not be judged: {type(cause).__name__}: {cause}",
        )  # fmt: skip


def _check(condition: Condition, journal: Journal, span: Span, e_needed: float, flaws: tuple[str, ...]) -> Check:
    found = count(condition, journal, span)
    before = span.window.phase == "before"
    at, e_value = (None, None) if before else _deviation(found, condition.budget, e_needed)
    value, low, high = _value(condition, found)
    more = more_s = None
    if before:
        outcome, why = _steady(condition, found, flaws)
    elif at is not None:
        outcome, why = Outcome.DEVIATED, f"certain after {seconds(max(0.0, at - span.start_s))}"
    else:
        held, confidence = _held(found, condition.budget, span)
        outcome = Outcome.HELD if held and not flaws else Outcome.INCONCLUSIVE
        why = "; ".join(flaws)
        if held and not flaws and span.settled_s is not None:
            why = f"certain from what began in the first {seconds(span.settled_s - span.start_s)}"
        if not held and condition.budget > 0:
            more = samples_needed(condition.budget, found.bad, confidence) - found.total
            more_s = more * span.length_s / found.total if found.total else None
            why = "; ".join((*flaws, _not_enough(condition, found, more, more_s)))
        elif not held:
            why = "; ".join((*flaws, "an objective of 100 % can be refuted, never proven"))
    word = ("steady" if before else "held") if outcome is Outcome.HELD else ""
    return Check(
        condition=condition.text,
        window=span.window.name,
        phase=span.window.phase,
        outcome=outcome,
        bad=found.bad,
        total=found.total,
        budget=condition.budget,
        upper=upper_bound(found.bad, found.total) if found.total else None,
        e_value=e_value,
        e_needed=None if before else e_needed,
        decided_at_s=at,
        value=value,
        low=low,
        high=high,
        unit=unit_of(condition),
        more_needed=more,
        more_needed_s=more_s,
        text="; ".join(part for part in (_figures(condition, found, value, low, high), word, why) if part),
    )


def _deviation(found: Count, budget: float, e_needed: float) -> tuple[float | None, float]:
    """(when it was certain that the budget is exceeded, or None; the largest E_t of all). What was not known to be bad
    by then counts as good: somebody who looked at that moment would have seen it."""
    index, largest = first_deviation(((b.bad, b.total) for b in found.bins), budget, e_needed)
    if index is None or found.bads is None:
        return None, largest
    where, weights, known_s = found.bads
    ends_s = np.array([b.end_s for b in found.bins])
    last_s = max(found.bins[index].end_s, float(known_s[where <= index].max(initial=0.0)))
    times_s = np.unique(np.concatenate([ends_s, known_s]))
    times_s = times_s[(times_s >= found.bins[0].end_s) & (times_s <= last_s)]

    def certain(at_s: float) -> bool:
        known = known_s <= at_s
        bads = np.bincount(where[known], weights[known], len(ends_s)).tolist()
        seen = ((bad, b.total) for bad, b in zip(bads, found.bins, strict=True) if b.end_s <= at_s)
        return first_deviation(seen, budget, e_needed)[0] is not None

    # More is known at every moment than at the one before: the first that is certain, by halves.
    low, high = -1, len(times_s) - 1
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if certain(float(times_s[middle])) else (middle, high)
    return float(times_s[high]), largest


def _held(found: Count, budget: float, span: Span) -> tuple[bool, float]:
    """Whether it is proven, and with which confidence the exact bound would have to."""
    confidence = CONFIDENCE if span.window.least is None else early.END_CONFIDENCE
    if span.settled_s is None:
        return holds(found.bad, found.total, budget, confidence), confidence
    by_then = [b for b in found.bins if b.end_s <= span.settled_s + BIN_S / 2]
    bad, total = sum(b.bad for b in by_then), sum(b.total for b in by_then)
    return early.holds_early(bad, total, budget), confidence


def _steady(condition: Condition, found: Count, flaws: tuple[str, ...]) -> tuple[Outcome, str]:
    least = LEAST_READINGS_BEFORE if condition.shape is Shape.GAUGE else LEAST_BEFORE
    if found.bad > allowed(condition.budget, found.total):
        return Outcome.INCONCLUSIVE, "; ".join((*flaws, "not steady before the fault"))
    if found.total < least:
        missing = f"{found.total} of the {least} {things(condition)} that it takes to call the shop steady"
        return Outcome.INCONCLUSIVE, "; ".join((*flaws, missing))
    return (Outcome.INCONCLUSIVE if flaws else Outcome.HELD), "; ".join(flaws)


def _value(condition: Condition, found: Count) -> tuple[float | None, float | None, float | None]:
    """The SLI itself with its 95 % interval, in base units."""
    if not found.total:
        return None, None, None
    if condition.shape is Shape.LATENCY:
        assert condition.percentile is not None
        assert found.latencies_us is not None
        p = percentile(found.latencies_us, condition.percentile / 100)
        return tuple(None if x is None else x / 1e6 for x in p)  # type: ignore[return-value]
    if condition.shape in (Shape.HISTOGRAM, Shape.GAUGE):
        return None, None, None
    low, high = interval(found.bad, found.total)
    ratio = found.bad / found.total
    if condition.shape in (Shape.ERROR_RATE, Shape.CUSTOMERS):
        return ratio, low, high
    return 1 - ratio, 1 - high, 1 - low


def _figures(
    condition: Condition, found: Count, value: float | None, low: float | None, high: float | None
) -> str:  # fmt: skip
    if not found.total:
        return f"no {things(condition)} in this window"
    counts = counted(condition, found.bad, found.total)
    if condition.shape is Shape.LATENCY and value is not None:
        shown = with_interval(value, low, high, "s")
        return f"p{condition.percentile:.12g} {shown}, objective {objective(condition)}: {counts}"
    return counts


def _not_enough(condition: Condition, found: Count, more: int, more_s: float | None) -> str:
    time = f" ({in_unit(max(1.0, more_s), 's')} at this rate)" if more_s is not None else ""
    needed = f"{more:,} more clean {things(condition)} needed{time}"
    if found.total and found.bad > allowed(condition.budget, found.total):
        return f"beyond the objective, but not by enough to be sure: {needed} to call it held"
    return f"too few to be sure: {needed}"
