"""Counts of a window that is still passing, as far as they are certain: what the judge will find is at least as bad."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from chaos.model.counting import Counted, bin_of, readings
from chaos.model.evidence import Evidence
from chaos.model.journal import Sample
from chaos.model.objective import Condition
from chaos.stats.sequential import BIN_S

# A quarter of a second is looked at so long after its end: a request is sent a little later than it was due, and a
# reading is told a while after it was made.
SETTLE_S = 0.05
SAMPLES_SETTLE_S = 2.0

Micros = NDArray[np.int64]


def of_requests(plain: Counted, fair: Counted, start_s: float, first: int, *, now_s: float, wait_s: float) -> Evidence:
    """`plain` is how the judge counts them, `fair` how it counts them without the generator's own delay. `now_s` is
    how far the news goes, `wait_s` how long an entry that counts may still change."""
    end = max(first, int((now_s - SETTLE_S - start_s) / BIN_S))
    settled = min(end, max(0, int((now_s - wait_s - start_s) / BIN_S)))
    for counted in (plain, fair):
        settled = min(settled, int(_bins(counted.open_us, start_s).min(initial=end)))

    def tally(start_us: Micros) -> Micros:
        bins = _bins(start_us, start_s)
        return np.bincount(bins[(bins >= first) & (bins < end)] - first, minlength=end - first)

    return Evidence(
        first=first,
        bad=tally(plain.start_us[plain.bad]),
        surely_bad=tally(fair.start_us[fair.bad]),
        total=tally(plain.start_us) + tally(plain.open_us),
        settled=settled,
    )


def of_samples(condition: Condition, samples: Sequence[Sample], start_s: float, first: int, trouble: str) -> Evidence:
    """Of readings that are long enough ago: another instance's may still come for the same moment."""
    last_s = max((sample.at_s for sample in samples), default=start_s)
    at_s, bad, total = readings(condition, samples, start_s, last_s)
    end = max(first, int((last_s - SAMPLES_SETTLE_S - start_s) / BIN_S))
    bins = bin_of(at_s, start_s)
    chosen = (bins >= first) & (bins < end)
    bads, totals = (
        np.bincount(bins[chosen] - first, column[chosen], end - first).astype(np.int64) for column in (bad, total)
    )
    return Evidence(first=first, bad=bads, surely_bad=bads, total=totals, settled=end, trouble=trouble)


def _bins(start_us: Micros, start_s: float) -> Micros:
    """Of those that began in the window."""
    return bin_of(start_us[start_us >= round(start_s * 1e6)] / 1e6, start_s)
