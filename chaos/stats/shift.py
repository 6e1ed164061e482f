"""By how much one set of measurements lies above another: the Hodges-Lehmann estimate with its interval.

    shift     the median of all m n differences y_j - x_i
    interval  from the k-th smallest difference to the k-th largest,
              k = m n / 2 - z sqrt(m n (m + n + 1) / 12), rounded down

    x_i, m    before: round trips without the fault      y_j, n    during: with it      z = 1.96 for 95 %

Free of any assumption about the distribution, so that one hiccup of a busy machine moves neither. With fewer
measurements than k >= 1 takes (4 and 4 for 95 %), nothing bounds it.

Source: Hollander and Wolfe, Nonparametric Statistical Methods, 2nd ed. (1999), section 4.3.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from typing import NamedTuple

Z = 1.959964


class Shift(NamedTuple):
    """In the unit of the measurements; `low` and `high` are None where so few put no bound on it."""

    value: float
    low: float | None
    high: float | None


def shift(before: Sequence[float], during: Sequence[float]) -> Shift:
    """How much later `during` is than `before`. Raises: ValueError when one of them is empty."""
    if not before or not during:
        raise ValueError("no measurements, no shift")
    differences = sorted(y - x for x in before for y in during)
    m, n = len(before), len(during)
    k = math.floor(m * n / 2 - Z * math.sqrt(m * n * (m + n + 1) / 12))
    value = statistics.median(differences)
    return Shift(value, differences[k - 1], differences[-k]) if k >= 1 else Shift(value, None, None)
