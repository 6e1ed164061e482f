"""How soon a window can tell: an outage, ten times what is allowed, and that all is well."""

from __future__ import annotations

import msgspec

from chaos.model.objective import Condition
from chaos.model.plan import Decision, Window
from chaos.model.sli import Shape
from chaos.model.target import Traffic
from chaos.planner.decisions import expected
from chaos.units import Rate

# A rate is taken over so many seconds, so that a journey's own length does not matter.
_LONG_S = 3600.0
TENFOLD = 10


def with_times(
    decision: Decision, condition: Condition, window: Window, traffic: Traffic | None, rate: Rate, *, e_needed: float
) -> Decision:
    """The decision with its times. None of them for *before*, where nothing deviates, and for a comparison with it,
    which takes the whole window."""
    if window.phase == "before" or condition.tolerance is not None:
        return decision
    from chaos.stats.early import samples_early
    from chaos.stats.power import seconds_until

    per_second = expected(condition, _LONG_S, traffic, rate).mean / _LONG_S
    # A slow request is bad once it is older than the value.
    later_s = condition.threshold if condition.shape is Shape.LATENCY else 0.0
    outage_s = seconds_until(condition.budget, 1.0, per_second, e_needed)
    tenfold_s = None
    if TENFOLD * condition.budget < 1.0:
        tenfold_s = seconds_until(condition.budget, TENFOLD * condition.budget, per_second, e_needed)
    # Where a window lasts its length whatever is known, it is held at its end only; with fewer samples it is not.
    samples = decision.needed if window.least is None else samples_early(condition.budget)
    clean_s = max(samples / per_second, float(window.least or 0)) if per_second else None
    if clean_s is not None and window.least is not None and decision.enough:
        # What does not come early comes at the window's longest, where the exact bound takes fewer.
        clean_s = min(clean_s, float(window.length))
    return msgspec.structs.replace(
        decision,
        outage_s=None if outage_s is None else round(outage_s + later_s, 3),
        tenfold_s=None if tenfold_s is None else round(tenfold_s + later_s, 3),
        clean_s=None if clean_s is None else round(clean_s, 3),
    )
