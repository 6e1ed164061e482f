"""Multi-window multi-burn-rate alerts, scaled from 30 days to any window.

SRE Workbook, chapter 5: alert when the budget burns fast over a long window, so that it matters, and still over a short
one, so that the alert ends soon after the trouble. Each step spends a fixed share of the budget before it alerts: 2 %,
5 %, 10 %, 10 %.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

DAYS_30_S = 30 * 86400.0

# A rate needs two samples in its window; with room for four, one scrape that is late or lost does no harm.
SCRAPES_LEAST = 4


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """Alert when both windows burn faster than `factor` times what the objective allows. Windows are in seconds."""

    factor: float
    long_s: int
    short_s: int
    severity: Literal["page", "ticket"]

    def spends(self, window_s: float) -> float:
        """The share of the window's budget that is gone when it alerts, of a trouble that burns just so fast."""
        return self.factor * self.long_s / window_s


# SRE Workbook, chapter 5, table 5-8: 14.4 for 1 h, 6 for 6 h, 3 for 1 d and 1 for 3 d, each with a twelfth of it.
WORKBOOK = (
    Step(factor=14.4, long_s=3600, short_s=300, severity="page"),
    Step(factor=6.0, long_s=21_600, short_s=1800, severity="page"),
    Step(factor=3.0, long_s=86_400, short_s=7200, severity="ticket"),
    Step(factor=1.0, long_s=259_200, short_s=21_600, severity="ticket"),
)


def steps(window_s: float, *, budget: float, scrape_s: float = 15.0, least_s: float = 0.0) -> tuple[Step, ...]:
    """The steps for a window of that length, for metrics that are scraped so often. No window is shorter than four
    scrapes or than `least_s` (a slice of time); one that had to be made longer asks for a slower burn, so that the step
    still spends its share. Left out are steps that would alert on what the objective allows (a burn below 1), that
    could never alert (every event bad is not enough), and what then is the same as another one.
    """
    shortest_s = max(SCRAPES_LEAST * scrape_s, least_s, 1.0)
    found: dict[tuple[int, int], Step] = {}
    for step in WORKBOOK:
        scaled_s = step.long_s * window_s / DAYS_30_S
        long_s = _rounded(max(scaled_s, 2 * shortest_s))
        short_s = _rounded(max(step.short_s * window_s / DAYS_30_S, shortest_s))
        factor = round(step.factor * scaled_s / long_s, 3)
        if 1.0 <= factor < 1.0 / budget and long_s < window_s:
            found.setdefault((long_s, short_s), Step(factor=factor, long_s=long_s, short_s=short_s,
                                                     severity=step.severity))  # fmt: skip
    return tuple(found.values())


def _rounded(seconds: float) -> int:
    """Up, so that it is never shorter than asked: whole minutes from ten of them on, so that names stay short."""
    whole = math.ceil(seconds - 1e-6)
    return math.ceil(whole / 60) * 60 if whole >= 600 else max(1, whole)
