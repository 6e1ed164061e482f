"""One sentence as it stands now, for a screen: `412 ms`, `99.97 %`."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from chaos.model.live import LiveCondition
from chaos.model.objective import Condition
from chaos.model.sli import Shape
from chaos.model.words import percent, seconds

# Fewer say nothing; a gauge is read only once a second or so.
LEAST = 20
LEAST_READINGS = 1


def condition_now(condition: Condition, bad: int, total: int, *, values: NDArray[np.float64]) -> LiveCondition:
    """`values` are the latencies in seconds or the readings, where the sentence is about them."""
    gauge = condition.shape is Shape.GAUGE
    ok = None if total < (LEAST_READINGS if gauge else LEAST) else bad <= condition.budget * total
    if condition.tolerance is not None:  # compared with before, once the window is over
        ok = None
    return LiveCondition(text=condition.text, value=_value(condition, bad, total, values), ok=ok)


def _value(condition: Condition, bad: int, total: int, values: NDArray[np.float64]) -> str:
    if not total:
        return "-"
    if condition.shape is Shape.GAUGE:
        return f"{values[-1]:,.4g}" if len(values) else "-"
    if condition.shape is Shape.LATENCY and condition.percentile is not None and len(values):
        return seconds(float(np.percentile(values, condition.percentile)))
    if condition.shape in (Shape.LATENCY, Shape.HISTOGRAM):
        return f"{percent(bad / total)} slower"
    of_the_bad = condition.shape in (Shape.ERROR_RATE, Shape.CUSTOMERS)
    return percent(bad / total if of_the_bad else 1 - bad / total)
