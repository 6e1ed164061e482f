"""How many generator processes a rate takes."""

from __future__ import annotations

import math
import os

from chaos.model.target import Traffic

# Requests a second that take one process a fifth of a processor: room for a p99 of the lag below 5 ms. `make bench`
# finds what a machine keeps, docs/performance.md has the figures.
CLAIMED_PER_S = {"direct": 5_000.0, "shared": 7_000.0, "curl": 3_500.0}


def requests_per_s(traffic: Traffic, times: float) -> float:
    """At that multiple of the normal rate, if every customer gets to the end of their journey."""
    weights = sum(journey.weight for journey in traffic.journeys)
    steps = sum(journey.weight * len(journey.steps) for journey in traffic.journeys)
    return float(traffic.rate) * times * steps / weights if weights else 0.0


def generators_for(per_s: float, engine: str) -> int:
    """As many as keep the schedule at so many requests a second, and no more than there are processors."""
    return max(1, min(math.ceil(per_s / CLAIMED_PER_S[engine]), len(os.sched_getaffinity(0))))
