"""Numbers as people read them: `11,932`, `1.25 s`, `412 ms`, `99.97 %`."""

from __future__ import annotations

import math

from chaos.model.objective import Condition
from chaos.model.sli import Shape

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


def seconds(value: float) -> str:
    """`1.25 s`, `412 ms`, `0.31 ms`."""
    if value >= 0.9995:
        return f"{value:.3g} s"
    return f"{value * 1e3:.3g} ms"


def percent(ratio: float) -> str:
    """A share, with as many digits as tell it from 0 and 100 %."""
    if ratio in (0.0, 1.0):
        return f"{ratio * 100:.0f} %"
    nearest_end = min(ratio, 1.0 - ratio)
    # Floating point leaves 1 - 0.999 a little off; digits beyond the eighth are never meant.
    digits = min(6, max(1, 1 - math.floor(math.log10(max(nearest_end * 100, 1e-6)))))
    text = f"{ratio * 100:.{digits}f}"
    return f"{text.rstrip('0').rstrip('.')} %"


def in_unit(value: float, unit: str) -> str:
    """A value in base units for people; `unit` is `s`, `ratio` or empty."""
    if unit == "s":
        return seconds(value)
    return percent(value) if unit == "ratio" else f"{value:,.4g}"


def with_interval(value: float, low: float | None, high: float | None, unit: str) -> str:
    """`1.25 s [1.1, 1.4]`: the ends in the value's own unit; `?` where nothing bounds it."""
    scale, name, shape = 1.0, "", ",.4g"
    if unit == "s":
        scale, name, shape = (1.0, "s", ".3g") if value >= 0.9995 else (1e3, "ms", ".3g")
    elif unit == "ratio":
        scale, name, shape = 100.0, "%", ".5g"
    ends = [("?" if end is None else format(end * scale, shape)) for end in (low, high)]
    return f"{in_unit(value, unit)} [{ends[0]}, {ends[1]}]" if name or ends != ["?", "?"] else in_unit(value, unit)


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
