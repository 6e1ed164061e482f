"""Was the traffic what it should have been? A run whose generator was late, short or gone shows too little.

    late      the schedule lag's p99 in a window is over max(5 ms, 5 % of the smallest latency threshold of the run;
              without one, of the customers' patience)                                     (VERDICTS section 1)
    short     arrivals were dropped, or no request was due for max(1 s, 20 / rate): by Poisson arrivals that happens by
              chance once in e^20
    gone      it ended for a reason of its own

In such a window nothing is *held*. A *deviated* stands only if it stands with the generator's own delay given back to
every request: being late makes requests look slow, and dropping arrivals only makes the shop's life easier.
"""

from __future__ import annotations

import numpy as np

from chaos.judge.counts import within
from chaos.judge.spans import Span
from chaos.model.event import TrafficEnded
from chaos.model.journal import Journal
from chaos.model.plan import Plan
from chaos.model.requests import Requests
from chaos.model.sli import Source
from chaos.model.words import seconds

LONGEST_GAP_S, GAP_ARRIVALS = 1.0, 20.0


def lag_p99_s(requests: Requests) -> float | None:
    """The 99th percentile of how late requests were sent, in seconds."""
    return float(np.percentile(requests.lag_us, 99, method="higher")) / 1e6 if len(requests) else None


def late(journal: Journal, span: Span) -> str:
    """Why the generator was too late in this window; empty when it was not."""
    said = later_than(journal.plan.lag_limit_s, journal, span) if uses_load(journal, span) else ""
    return f"the generator was late: {said}" if said else ""


def later_than(limit_s: float, journal: Journal, span: Span) -> str:
    """`p99 120 ms, allowed 100 ms`, when the generator's p99 in a span was beyond a limit; else empty."""
    requests = within(journal.requests, span.start_s, span.end_s)
    # Fewer beyond the limit than lie beyond a p99: no need to look for the p99 itself.
    if np.count_nonzero(requests.lag_us > limit_s * 1e6) * 100 < len(requests) - 1:
        return ""
    lag_s = lag_p99_s(requests)
    return f"p99 {seconds(lag_s)}, allowed {seconds(limit_s)}" if lag_s is not None and lag_s > limit_s else ""


def short(journal: Journal, span: Span) -> str:
    """Why the generator sent too little in this window; empty when it did not."""
    if not uses_load(journal, span) or not span.began:
        return ""
    for event in journal.events:
        if isinstance(event, TrafficEnded) and event.dropped:
            return f"the generator dropped {event.dropped:,} arrivals"
        if isinstance(event, TrafficEnded) and event.reason and event.at_s < span.end_s:
            return f"the generator ended: {event.reason}"
    starts_s = within(journal.requests, span.start_s, span.end_s).start_us / 1e6
    edges = np.concatenate([[span.start_s], starts_s, [span.end_s]])
    gap_s = float(np.diff(edges).max())
    allowed_s = max(LONGEST_GAP_S, GAP_ARRIVALS / float(journal.plan.rate)) if journal.plan.rate > 0 else np.inf
    return f"the generator sent nothing for {seconds(gap_s)}" if gap_s > allowed_s else ""


def backwards(journal: Journal, span: Span) -> str:
    """Why the generator's times cannot be; empty when they can."""
    ended_early = int(np.count_nonzero(within(journal.requests, span.start_s, span.end_s).latency_us < 0))
    return f"{ended_early:,} requests ended before they began: the generator's clock went back" if ended_early else ""


def notes(plan: Plan) -> tuple[str, ...]:
    """What a person should know of traffic that another engine made."""
    if not plan.traffic_by:
        return ()
    return (
        f"{plan.traffic_by} made the traffic: latencies are from the actual start of a request, so what a slow shop "
        "kept from being asked is not in them (coordinated omission), and a stall looks shorter than it was",
    )


def uses_load(journal: Journal, span: Span) -> bool:
    return any(c.source is Source.LOAD for c in span.window.conditions)
