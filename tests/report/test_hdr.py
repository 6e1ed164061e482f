"""Latencies as HdrHistogram's logs, read back by HdrHistogram's own implementation."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hdrh.histogram import HdrHistogram
from hdrh.log import HistogramLogReader

from chaos.cli import main
from chaos.report.hdr import LAYOUT, encode, hdr_log, seconds, windows
from chaos.state import store_url
from chaos.stats.histogram import Histogram, Layout
from chaos.store import Store


def decoded(values: Any) -> HdrHistogram:
    return HdrHistogram.decode(encode(Histogram.of(values, LAYOUT)))


def read(path: Path, text: str) -> list[HdrHistogram]:
    path.write_text(text)
    reader = HistogramLogReader(str(path), HdrHistogram(1, (1 << LAYOUT.bits) - 1, 3))
    found = []
    while (histogram := reader.get_next_interval_histogram()) is not None:
        found.append(histogram)
    reader.close()
    return found


@pytest.mark.parametrize("seed", range(5))
def test_theirs_reads_what_it_would_have_recorded_itself(seed: int) -> None:
    """The same count in every bucket, from one microsecond to hours."""
    values = np.random.default_rng(seed).lognormal(9.0, 3.0, 5_000).astype(np.int64)
    own = HdrHistogram(1, (1 << LAYOUT.bits) - 1, 3)
    for value in values.tolist():
        own.record_value(value)
    theirs = decoded(values)
    assert theirs.get_total_count() == own.get_total_count() == 5_000
    for percentile in (0.0, 1.0, 50.0, 90.0, 99.0, 99.9, 100.0):
        assert theirs.get_value_at_percentile(percentile) == own.get_value_at_percentile(percentile)
    ours = {int(item.value_iterated_to): item.count_at_value_iterated_to for item in theirs.get_recorded_iterator()}
    assert ours == {
        int(item.value_iterated_to): item.count_at_value_iterated_to for item in own.get_recorded_iterator()
    }


@pytest.mark.parametrize("count", [1, 63, 64, 127, 128, 70_000])
def test_counts_of_any_length_arrive(count: int) -> None:
    """One byte, two and three of them, beside runs of zeros."""
    assert decoded([0] * count + [5] + [40_000_000] * count).get_total_count() == 2 * count + 1


def test_an_empty_histogram_is_one_too() -> None:
    assert decoded([]).get_total_count() == 0


def test_other_buckets_are_refused() -> None:
    with pytest.raises(ValueError, match="buckets"):
        encode(Histogram.of([1], Layout()))


def test_a_run_is_a_line_for_each_window_and_tag(make: Any, tmp_path: Path) -> None:
    """Steps and all; every good answer that was due in a window is in its lines, once."""
    journal = make.Story().slow("during 1", 0.4, 1.5).fail("after 1", 0.02).journal()
    found = read(tmp_path / "windows.hlog", hdr_log(journal, windows(journal)))
    assert {histogram.get_tag() for histogram in found} == {*journal.requests.steps, "all"}
    whole = [histogram for histogram in found if histogram.get_tag() == "all"]
    assert len(whole) == len(journal.plan.windows)
    for histogram, window in zip(whole, windows(journal), strict=True):
        start_us = journal.requests.start_us
        due = (start_us >= window.start_s * 1e6) & (start_us < window.end_s * 1e6) & (journal.requests.failure == 0)
        assert histogram.get_total_count() == due.sum()
        nearest = np.sort(journal.requests.latency_us[due])[int(0.99 * due.sum() + 0.5) - 1]  # its rule for the rank
        assert histogram.get_value_at_percentile(99) == pytest.approx(nearest, rel=1e-3)


def test_the_seconds_add_up_to_the_run(make: Any, tmp_path: Path) -> None:
    """No request is lost between two of them, and each begins where the run says."""
    journal = make.Story().journal()
    found = [h for h in read(tmp_path / "s.hlog", hdr_log(journal, seconds(journal))) if h.get_tag() == "all"]
    assert sum(h.get_total_count() for h in found) == (journal.requests.failure == 0).sum()
    began_ms = journal.run.started_at.timestamp() * 1e3
    assert found[0].get_start_time_stamp() == pytest.approx(
        began_ms + journal.requests.start_us.min() // 1e6 * 1e3, abs=1
    )


def test_a_recorded_run_is_exported(make: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`saleproof export last --hdr DIR` writes both logs; a folder that cannot be written is one sentence."""
    monkeypatch.setenv("SALEPROOF_STATE", str(tmp_path / "state"))
    journal = make.Story().journal()
    with Store.open(store_url()) as store:
        recorder = store.record(journal.run, journal.plan)
        for event in journal.events:
            recorder.event(event)
        recorder.requests(journal.requests)
        recorder.close()
    assert main(["export", "last", "--hdr", str(tmp_path / "out")]) == 0
    for name in ("windows", "seconds"):
        path = tmp_path / "out" / f"{name}.hlog"
        assert read(path, path.read_text())
    (tmp_path / "file").touch()
    assert main(["export", "last", "--hdr", str(tmp_path / "file")]) == 64
