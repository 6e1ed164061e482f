"""A log-linear histogram: every bucket is a fixed share of its value wide, so that a percentile is off by that share.

    values below 2 x 128 have a bucket each; above, every power of two is cut into 128 buckets of equal width
    index(v) = 128 shift + (v >> shift),  shift = max(0, floor(log2 v) - 7)
    a bucket from v on is at most v / 128 wide (0.78 %); its middle is at most 0.39 % from any value in it

    v   a whole number, in whatever unit: microseconds for latencies

Two histograms of the same layout are merged by adding their counts; of different ones, never. The layout is
HdrHistogram's with 7 bits of precision (hdrhistogram.org), so that it can be exported as one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Whole = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True, slots=True)
class Layout:
    """Where the buckets lie. `sub_bits`: 2 to the power of it are the buckets of a power of two. `bits`: values from
    2 to the power of it on are counted in the last bucket."""

    sub_bits: int = 7
    bits: int = 36  # 19 hours of microseconds

    def __post_init__(self) -> None:
        if not 1 <= self.sub_bits < self.bits <= 52:
            raise ValueError(f"1 <= sub_bits < bits <= 52 is needed, got {self.sub_bits} and {self.bits}")

    @property
    def size(self) -> int:
        """How many buckets there are."""
        return (self.bits - self.sub_bits + 1) << self.sub_bits

    def index(self, values: ArrayLike) -> Whole:
        """The bucket of each value. Negative ones, which a clock that goes back makes, are in the first."""
        whole = np.clip(np.asarray(values), 0, (1 << self.bits) - 1).astype(np.int64)
        # frexp is exact for whole numbers below 2^53: 2^(e-1) <= v < 2^e.
        exponent = np.frexp(whole.astype(np.float64))[1]
        shift = np.maximum(exponent.astype(np.int64) - 1 - self.sub_bits, 0)
        return np.asarray((shift << self.sub_bits) + (whole >> shift))

    def low(self, index: ArrayLike) -> Whole:
        """The smallest value of each bucket."""
        found = np.asarray(index, np.int64)
        shift = self._shift(found)
        return (found - (shift << self.sub_bits)) << shift

    def middle(self, index: ArrayLike) -> NDArray[np.float64]:
        """The middle of each bucket: what its values are taken for."""
        found = np.asarray(index, np.int64)
        return np.asarray(self.low(found) + (np.left_shift(1, self._shift(found)) - 1) / 2)

    def _shift(self, index: Whole) -> Whole:
        return np.asarray(np.maximum((index >> self.sub_bits) - 1, 0))


LAYOUT = Layout()


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Histogram:
    """Counts a bucket. Made with `of`, joined with `merged`."""

    counts: Whole
    layout: Layout = LAYOUT

    def __post_init__(self) -> None:
        if self.counts.shape != (self.layout.size,):
            raise ValueError(f"{self.counts.shape} counts for a histogram of {self.layout.size} buckets")

    @classmethod
    def of(cls, values: ArrayLike, layout: Layout = LAYOUT) -> Histogram:
        """Count whole numbers, all at once."""
        return cls(counts=np.bincount(layout.index(values), minlength=layout.size), layout=layout)

    def __len__(self) -> int:
        return int(self.counts.sum())

    def merged(self, other: Histogram) -> Histogram:
        """Both together. Raises: ValueError when their buckets are not the same."""
        if other.layout != self.layout:
            raise ValueError(f"histograms with other buckets cannot be merged: {self.layout} and {other.layout}")
        return Histogram(counts=self.counts + other.counts, layout=self.layout)

    def quantile(self, q: float) -> float:
        """The middle of the bucket that holds the q-quantile. Raises: ValueError when it is empty."""
        return float(self.layout.middle(quantile_index(self.counts, q)))


def per_second(second: ArrayLike, values: ArrayLike, seconds: int, layout: Layout = LAYOUT) -> Whole:
    """A histogram a second: (seconds, buckets) counts of values by the whole second, from 0, that each belongs to."""
    at = np.asarray(second, np.int64) * layout.size + layout.index(values)
    return np.bincount(at, minlength=seconds * layout.size).reshape(seconds, layout.size)


def quantile_index(counts: NDArray[Any], q: float) -> Whole:
    """The bucket that holds the q-quantile, along the last axis. Raises: ValueError for an empty histogram."""
    up_to = np.cumsum(counts, axis=-1)
    total = up_to[..., -1:]
    if not total.size or not total.min() > 0:
        raise ValueError("no samples, no percentile")
    # The rounding keeps 0.99 * 100 = 99.00000000000001 from asking for the 100th.
    rank = np.ceil(np.round(q * total, 9))
    return np.asarray((up_to < np.maximum(rank, 1)).sum(axis=-1), np.int64)


def widest_error(layout: Layout = LAYOUT) -> float:
    """How far, as a share, a value can be from the low end of its bucket: 0.78 % with 128 buckets."""
    return math.ldexp(1.0, -layout.sub_bits)
