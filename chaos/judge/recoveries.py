"""How long after a fault was gone the shop was well again, for each condition that was bad because of it.

The clock starts when the last fault of the step was read back as gone, not with the window `after`, which begins only
when the pause is over that the experiment allows for it (`recovery`). Recovered means that the objective holds for W
seconds from then on: W = max(30 s, 3 / (b rate)), since a lull looks the same (VERDICTS section 5).

- *held*: recovered, and by the estimate within what is allowed.
- *deviated*: surely later than that, by the interval's lower end; or bad for as long as was watched.
- *inconclusive*: the record ends before W seconds were seen, or they do not prove it.

These words are about the recovery. What the run says of it is in run.py.
"""

from __future__ import annotations

import dataclasses
import math

import numpy as np

from chaos.judge.counts import Entries, entries
from chaos.judge.faults import Faults
from chaos.judge.spans import Span
from chaos.judge.words import allowed
from chaos.model.journal import Journal
from chaos.model.objective import Condition
from chaos.model.verdict import Check, Outcome, Recovery
from chaos.model.words import seconds, with_interval
from chaos.stats.binomial import holds
from chaos.stats.recovery import Fit, fit, steady_s

# Finer than the bins of the sequential test: the time is what is asked for here.
BIN_S = 0.05


def recoveries(
    journal: Journal, spans: tuple[Span, ...], fate: Faults, checks: tuple[Check, ...]
) -> tuple[Recovery, ...]:
    """One for each condition of each window `after` that was bad while the fault was on, or in the pause after it."""
    counted = {(check.window, check.condition): check for check in checks}
    found = []
    for span in spans:
        step = span.window.step
        if span.window.phase != "after" or step is None or not span.began or step not in fate.removed:
            continue
        during = next((s for s in spans if s.window.phase == "during" and s.window.step == step and s.began), None)
        for condition in span.window.conditions:
            if during is not None and condition.tolerance is None:
                known = counted.get((during.window.name, condition.text))
                one = _recovery(condition, journal, during, span, fate.removed[step], known)
                found += [] if one is None else [one]
    return tuple(found)


def _recovery(
    condition: Condition, journal: Journal, during: Span, after: Span, removed_s: float, known: Check | None
) -> Recovery | None:
    """`known` is what was counted during the fault already, if the same was asked there."""
    pause = dataclasses.replace(after, start_s=removed_s, end_s=max(removed_s, after.start_s))
    if known is not None:
        was_bad = known.bad > allowed(condition.budget, known.total)
    else:
        was_bad = _bad(condition, entries(condition, journal, during))
    if not was_bad and not _bad(condition, entries(condition, journal, pause)):
        return None
    found = entries(condition, journal, dataclasses.replace(after, start_s=removed_s))
    watched_s = max(0.0, after.end_s - removed_s)
    allowed_s = float(journal.plan.recovery)
    total = int(found.totals().sum())
    if not total or watched_s <= 0:
        return Recovery(
            condition=condition.text, window=after.window.name, outcome=Outcome.INCONCLUSIVE, allowed_s=allowed_s,
            watched_s=watched_s, text="nothing was measured after the fault was gone",
        )  # fmt: skip
    best = _fit(condition, found, removed_s, watched_s)
    needed_s = steady_s(condition.budget, total / watched_s)
    outcome, recovered, text = _outcome(condition, found, best, removed_s, watched_s, needed_s, allowed_s)
    return Recovery(
        condition=condition.text, window=after.window.name, outcome=outcome, allowed_s=allowed_s,
        at_s=best.at_s if recovered else None, low_s=best.low_s, high_s=min(best.high_s, watched_s),
        bad_ratio_before=best.before, bad_ratio_after=best.after, watched_s=watched_s,
        steady_s=needed_s if math.isfinite(needed_s) else None, text=text,
    )  # fmt: skip


def _bad(condition: Condition, found: Entries) -> bool:
    return found.bads() > allowed(condition.budget, int(found.totals().sum()))


def _fit(condition: Condition, found: Entries, removed_s: float, watched_s: float) -> Fit:
    size = max(1, math.ceil(watched_s / BIN_S))
    index = np.clip(((found.at_s - removed_s) / BIN_S).astype(np.int64), 0, size - 1)
    bads, totals = (np.bincount(index, weights, size) for weights in (found.bad, found.totals()))
    return fit(bads, totals, BIN_S, budget=condition.budget)


def _outcome(
    condition: Condition, found: Entries, best: Fit, removed_s: float, watched_s: float, needed_s: float,
    allowed_s: float,
) -> tuple[Outcome, bool, str]:  # fmt: skip
    """(outcome, whether there is a time to tell, in plain words)."""
    still = f"still bad {seconds(watched_s)} after the fault was gone"
    if best.at_s >= watched_s - BIN_S:
        return Outcome.DEVIATED, False, still
    steady = (found.at_s >= removed_s + best.at_s) & (found.at_s < removed_s + best.at_s + needed_s)
    bad, total = int(found.bad[steady].sum()), int(found.totals()[steady].sum())
    took = "at once" if best.at_s == 0 else f"after {with_interval(best.at_s, best.low_s, best.high_s, 's')}"
    seen_s = watched_s - best.at_s
    if best.low_s > allowed_s:
        return Outcome.DEVIATED, True, f"well again {took}, later than the {seconds(allowed_s)} that are allowed"
    if not holds(bad, total, condition.budget):
        if bad > allowed(condition.budget, total):
            better = f"better {took}, but not well: {bad:,} of {total:,} were bad from then on"
            return Outcome.DEVIATED, False, still if best.high_s >= watched_s - BIN_S else better
        need = f"{seconds(needed_s)} without a lapse prove it" if math.isfinite(needed_s) else "nothing proves it"
        return Outcome.INCONCLUSIVE, True, f"well again {took} as far as {seconds(seen_s)} can show; {need}"
    if seen_s < needed_s:
        short = f"as far as {seconds(seen_s)} can show; {seconds(needed_s)} are needed to rule out a relapse"
        return Outcome.INCONCLUSIVE, True, f"well again {took} {short}"
    late = best.at_s > allowed_s
    text = f"well again {took}, {seconds(allowed_s)} allowed"
    return (Outcome.INCONCLUSIVE if late else Outcome.HELD), True, text
