"""Bad and total by time: what is left of requests that are too old to be kept row by row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

BIN_US = 250_000
# What old ones are made into.
COARSE_US = 10_000_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Bins:
    """Spans of time with something in them, by intended start, in order. All arrays have equal length."""

    start_us: NDArray[np.int64]
    bad: NDArray[np.int64]
    total: NDArray[np.int64]

    @classmethod
    def summed(cls, start_us: NDArray[np.int64], bad: NDArray[Any], total: NDArray[np.int64]) -> Bins:
        """Those that start at the same time together."""
        starts, of = np.unique(start_us, return_inverse=True)
        sums = [np.bincount(of, each, len(starts)).astype(np.int64) for each in (bad, total)]
        return cls(start_us=starts, bad=sums[0], total=sums[1])

    def of(self, since_us: int, until_us: int) -> Bins:
        """Those that start from `since_us` on, and before `until_us`."""
        first, end = np.searchsorted(self.start_us, (since_us, until_us))
        return Bins(start_us=self.start_us[first:end], bad=self.bad[first:end], total=self.total[first:end])

    def and_of(self, start_us: NDArray[np.int64], bad: NDArray[np.bool_]) -> Bins:
        """These and further ones, counted one by one."""
        return Bins.summed(
            np.concatenate([self.start_us, start_us // BIN_US * BIN_US]), np.concatenate([self.bad, bad]),
            np.concatenate([self.total, np.ones(len(start_us), np.int64)]),
        )  # fmt: skip

    def coarser(self, before_us: int) -> Bins:
        """The same, but ten seconds long where they start before that."""
        start_us = np.where(self.start_us < before_us, self.start_us // COARSE_US * COARSE_US, self.start_us)
        return Bins.summed(start_us, self.bad, self.total)


NOTHING = Bins(start_us=np.zeros(0, np.int64), bad=np.zeros(0, np.int64), total=np.zeros(0, np.int64))
