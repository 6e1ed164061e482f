"""The log-linear histogram: its buckets, its error, its percentiles."""

from __future__ import annotations

import numpy as np
import pytest

from chaos.stats.histogram import LAYOUT, Histogram, Layout, per_second, widest_error
from chaos.stats.quantile import percentile


def test_every_value_is_in_its_bucket() -> None:
    """low(index(v)) <= v < low(index(v) + 1), at and around every power of two and in between."""
    edges = [2**bit + off for bit in range(36) for off in (-1, 0, 1)]
    values = np.unique(np.concatenate([np.arange(2000), edges, np.random.default_rng(1).integers(0, 2**36, 5000)]))
    values = values[(values >= 0) & (values < 2**36)]
    index = LAYOUT.index(values)
    assert (LAYOUT.low(index) <= values).all()
    assert (values < LAYOUT.low(index + 1)).all()
    assert (np.diff(index) >= 0).all()
    assert index.max() == LAYOUT.size - 1


def test_a_bucket_is_under_a_128th_wide_and_small_values_are_exact() -> None:
    """The published error: under 0.8 %, and half of it from the middle."""
    values = np.unique(np.geomspace(1, 2**35, 20_000).astype(np.int64))
    index = LAYOUT.index(values)
    widths = LAYOUT.low(index + 1) - LAYOUT.low(index)
    assert (widths <= np.maximum(1, LAYOUT.low(index) / 128)).all()
    assert (np.abs(LAYOUT.middle(index) - values) <= values / 256).all()
    assert (LAYOUT.middle(LAYOUT.index(np.arange(256))) == np.arange(256)).all()
    assert widest_error() == 1 / 128


def test_percentiles_are_those_of_the_samples_within_the_error() -> None:
    """Against the exact nearest rank."""
    latencies = (np.random.default_rng(2).gamma(2, 0.05, 20_000) * 1e6).astype(np.int64)
    for q in (0.5, 0.9, 0.99, 0.999):
        assert Histogram.of(latencies).quantile(q) == pytest.approx(percentile(latencies, q).value, rel=1 / 256)


def test_merging_is_counting_together() -> None:
    """In whatever parts the values come."""
    values = np.random.default_rng(3).integers(0, 10**7, 3000)
    merged = Histogram.of(values[:1000]).merged(Histogram.of(values[1000:]))
    assert (merged.counts == Histogram.of(values).counts).all()
    assert len(merged) == 3000


def test_other_buckets_are_refused() -> None:
    """Adding counts of different layouts would give percentiles that are simply wrong."""
    with pytest.raises(ValueError, match="other buckets"):
        Histogram.of([1]).merged(Histogram.of([1], Layout(sub_bits=6)))
    with pytest.raises(ValueError, match="buckets"):
        Histogram(counts=np.zeros(7, np.int64))
    with pytest.raises(ValueError, match="sub_bits"):
        Layout(sub_bits=40)


def test_what_is_too_long_or_negative_is_counted_at_the_ends() -> None:
    """A clock that goes back makes negative latencies; nothing is lost, nothing raises."""
    index = LAYOUT.index([-5, 0, 2**60])
    assert index.tolist() == [0, 0, LAYOUT.size - 1]


def test_an_empty_histogram_has_no_percentile() -> None:
    """The caller must say that it has none."""
    with pytest.raises(ValueError, match="no samples"):
        Histogram.of(np.zeros(0, np.int64)).quantile(0.5)


def test_a_histogram_a_second() -> None:
    """Each value in the row of its second; seconds without a value are there, and empty."""
    counts = per_second([0, 2, 2], [100, 200, 300], 4)
    assert counts.shape == (4, LAYOUT.size)
    assert counts.sum(axis=1).tolist() == [1, 0, 2, 0]
    assert counts[2, LAYOUT.index(300)] == 1
