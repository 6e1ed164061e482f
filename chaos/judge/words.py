"""What was counted, in plain words: `3 of 11,932 requests failed; the objective allows 11`."""

from __future__ import annotations

import math

from chaos.model.objective import Condition
from chaos.model.sli import Shape
from chaos.model.words import in_unit

# Shape -> (what is counted, what the bad ones did).
_COUNTED: dict[Shape, tuple[str, str]] = {
    Shape.AVAILABILITY: ("requests", "failed"),
    Shape.ERROR_RATE: ("requests", "failed"),
    Shape.THROUGHPUT: ("requests", "were never answered"),
    Shape.TRANSACTIONS: ("transactions", "failed"),
    Shape.CUSTOMERS: ("customers", "were affected"),
    Shape.LATENCY: ("requests", "were slower"),
    Shape.COUNTER_RATIO: ("events", "were bad"),
    Shape.HISTOGRAM: ("observations", "were slower"),
    Shape.GAUGE: ("readings", "were beyond it"),
}


def allowed(budget: float, total: int) -> int:
    """How many bad of so many the objective allows; 0.1 % of 3,000 is 3 in spite of floating point."""
    return math.floor(budget * total + 1e-9)


def objective(condition: Condition) -> str:
    """`< 2 s`, `>= 99.9 %`."""
    unit = unit_of(condition)
    return f"{condition.op.value} {in_unit(condition.threshold, unit)}"


def unit_of(condition: Condition) -> str:
    """The base unit of the SLI: `s`, `ratio`, or empty for a plain number."""
    if condition.shape in (Shape.LATENCY, Shape.HISTOGRAM):
        return "s"
    return "" if condition.shape is Shape.GAUGE else "ratio"


def counted(condition: Condition, bad: int, total: int) -> str:
    """`3 of 11,932 requests failed; the objective allows 11`."""
    things, did = _COUNTED[condition.shape]
    return f"{bad:,} of {total:,} {things} {did}; the objective allows {allowed(condition.budget, total):,}"


def things(condition: Condition) -> str:
    """What is counted: `requests`, `customers`, `readings`."""
    return _COUNTED[condition.shape][0]
