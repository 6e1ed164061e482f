"""When the breach could be measured, from a run's own record.

That is the first moment at which the condition is true of what was known in the second before it, five samples at
least: when a bad sample is known, or when a good one is a second old. For `deviated`, when the sequential test has what
it needs.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from chaos.engine.guard import LEAST, SPAN_S, beyond
from chaos.judge import judge
from chaos.model.counting import judge_rows
from chaos.model.event import FaultIntended, FaultReverted, GuardBreached, RunStarted
from chaos.model.journal import Journal


@dataclass(frozen=True, kw_only=True)
class Times:
    """Seconds since the run's start; `t0_s` is that on CLOCK_MONOTONIC. `issued_s`: when the revert was begun."""

    t0_s: float
    measurable_s: float
    seen_s: float
    issued_s: float
    reverted_s: float


def times(journal: Journal) -> Times | str:
    """Or why there are none: the guard has not aborted that run."""
    breached = [event for event in journal.events if isinstance(event, GuardBreached)]
    reverted = [event for event in journal.events if isinstance(event, FaultReverted)]
    intended = [event for event in journal.events if isinstance(event, FaultIntended)]
    if not (breached and reverted and intended):
        return f"not aborted by the guard: {journal.events[-1]}"
    (started,) = [event for event in journal.events if isinstance(event, RunStarted)]
    at_s = _measurable_s(journal, min(event.at_s for event in intended))
    if at_s is None:
        return "nobody can say when the breach was measurable"
    return Times(
        t0_s=started.t0_s, measurable_s=at_s, seen_s=breached[0].at_s,
        issued_s=min(event.at_s - event.took_s for event in reverted),
        reverted_s=max(event.at_s for event in reverted),
    )  # fmt: skip


def _measurable_s(journal: Journal, since_s: float) -> float | None:
    if journal.plan.abort_deviated:
        checks = [c.decided_at_s for c in judge(journal).checks if c.phase == "during" and c.decided_at_s is not None]
        return min(checks, default=None)
    (condition,) = journal.plan.abort
    counted = judge_rows(
        condition, journal.requests, patience_s=float(journal.plan.patience), transactions={},
        now_us=int((journal.requests.start_us + journal.requests.latency_us).max()),
    )  # fmt: skip
    order = np.argsort(counted.known_us, kind="stable")
    known_us = counted.known_us[order]
    bad = np.concatenate([[0], counted.bad[order].cumsum()])
    span_us = round(SPAN_S * 1e6)
    # The share changes when a sample is known, and when one is a second old and counts no more.
    for now_us in np.sort(np.concatenate([known_us, known_us + span_us])):
        first, end = np.searchsorted(known_us, [now_us - span_us, now_us], side="right")
        total = int(end - first)
        if now_us >= since_s * 1e6 and total >= LEAST and beyond(condition, int(bad[end] - bad[first]) / total):
            return float(now_us) / 1e6
    return None
