"""Numbers as people read them, the same in verdicts, reports and screens: `1.25 s`, `412 ms`, `99.97 %`."""

from __future__ import annotations

import math


def seconds(value: float) -> str:
    """`1 h 44 min`, `3 min 20 s`, `1.25 s`, `412 ms`, `0.31 ms`."""
    if value >= 3599.5:
        hours, minutes = divmod(round(value / 60), 60)
        return f"{hours} h {minutes} min"
    if value >= 100:
        minutes, rest = divmod(round(value), 60)
        return f"{minutes} min {rest} s"
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


def share(ratio: float) -> str:
    """Of something that there can be more of than all: `0.41 %`, `100 %`, `1,240 %`."""
    return percent(ratio) if ratio <= 1 else f"{ratio * 100:,.0f} %"


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
