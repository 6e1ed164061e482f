"""Latencies as HdrHistogram's log, version 2 of the encoding: for the tools that read it (HistogramLogAnalyzer,
HistogramLogProcessor, `hdrh`).

What counts is what counts for latency everywhere here: good answers, and customers who gave up, with the time that they
waited. Values are whole microseconds with three significant digits. The encoding is that of AbstractHistogram.java:

    cookie, length of the counts, 0, 3: int32;  lowest 1, highest: int64;  1.0: float64;  counts: zigzag LEB128
    a run of n empty buckets is the one number -n; all of it big-endian, deflated, behind a cookie and a length, base 64
"""

from __future__ import annotations

import base64
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from chaos.model.event import WindowEnded, WindowStarted
from chaos.model.requests import Failure, Requests
from chaos.model.sli import Shape
from chaos.stats.histogram import Histogram, Layout

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from chaos.model.journal import Journal

DIGITS = 3
LAYOUT = Layout(sub_bits=10, bits=36)  # HdrHistogram's buckets for three digits
_PLAIN, _DEFLATED = 0x1C849303 | 0x10, 0x1C849304 | 0x10  # the 0x10 says that counts are of variable length
_HEAD = struct.Struct(">iiiiqqd")
_OUTER = struct.Struct(">ii")


@dataclass(frozen=True, kw_only=True, slots=True)
class Interval:
    """Requests that were due from `start_s` to `end_s`, in seconds of the run."""

    start_s: float
    end_s: float
    name: str = ""  # of a window


def windows(journal: Journal) -> tuple[Interval, ...]:
    """The run's windows as they were. One that never ended goes as far as the record."""
    began = {event.window: event.at_s for event in journal.events if isinstance(event, WindowStarted)}
    ended = {event.window: event.at_s for event in journal.events if isinstance(event, WindowEnded)}
    last_s = max((event.at_s for event in journal.events), default=0.0)
    return tuple(
        Interval(start_s=began[window.index], end_s=ended.get(window.index, last_s), name=window.name)
        for window in journal.plan.windows
        if window.index in began
    )


def seconds(journal: Journal) -> tuple[Interval, ...]:
    """Every second of the run in which a request was due."""
    due = np.unique(journal.requests.start_us // 1_000_000)
    return tuple(Interval(start_s=float(at), end_s=float(at) + 1.0) for at in due.tolist())


def hdr_log(journal: Journal, intervals: tuple[Interval, ...]) -> str:
    """A line for each interval and each tag: the step, the scope of a latency objective (`pages`), and `all`."""
    began_s = journal.run.started_at.timestamp()
    lines = [
        f"#[Latencies of run {journal.run.id}, in microseconds]",
        "#[Histogram log format version 1.3]",
        f"#[StartTime: {began_s:.3f} (seconds since epoch), {journal.run.started_at:%a %b %d %H:%M:%S UTC %Y}]",
        f"#[BaseTime: {began_s:.3f} (seconds since epoch)]",
        '"StartTimestamp","Interval_Length","Interval_Max","Interval_Compressed_Histogram"',
    ]
    counted = _counted(journal.requests)
    tags = _tags(journal, counted)
    order = np.argsort(counted.start_us, kind="stable")
    start_us, latency_us = counted.start_us[order], counted.latency_us[order]
    tags = {tag: mask[order] for tag, mask in tags.items()}
    for interval in intervals:
        if interval.name:
            lines.append(f"#[{interval.name}]")
        low, high = np.searchsorted(start_us, [interval.start_s * 1e6, interval.end_s * 1e6])
        for tag, mask in tags.items():
            values = latency_us[low:high][mask[low:high]]
            if len(values):
                lines.append(
                    f"Tag={tag},{interval.start_s:.3f},{interval.end_s - interval.start_s:.3f},"
                    f"{int(values.max()) / 1e3:.3f},{encode(Histogram.of(values, LAYOUT))}"
                )
    return "\n".join(lines) + "\n"


def encode(histogram: Histogram) -> str:
    """One histogram, as a line of the log holds it. Raises: ValueError for other buckets than HdrHistogram's."""
    if histogram.layout != LAYOUT:
        raise ValueError(f"HdrHistogram's buckets are {LAYOUT}, not {histogram.layout}")
    payload = b"".join(_leb128(number) for number in _runs(histogram.counts))
    plain = _HEAD.pack(_PLAIN, len(payload), 0, DIGITS, 1, (1 << LAYOUT.bits) - 1, 1.0) + payload
    deflated = zlib.compress(plain)
    return base64.b64encode(_OUTER.pack(_DEFLATED, len(deflated)) + deflated).decode()


def _counted(requests: Requests) -> Requests:
    return requests.only((requests.failure == Failure.NONE) | (requests.failure == Failure.PATIENCE))


def _tags(journal: Journal, requests: Requests) -> dict[str, NDArray[np.bool_]]:
    numbers = {name: number for number, name in enumerate(requests.steps)}
    scopes = {
        condition.key.rpartition(".")[0]: condition.steps
        for window in journal.plan.windows
        for condition in window.conditions
        if condition.shape is Shape.LATENCY and condition.steps
    }
    tags = {name: (name,) for name in requests.steps} | scopes
    # A comma ends a tag.
    found = {
        tag.replace(",", "_").replace(" ", "_"): np.isin(requests.step, [numbers[s] for s in steps if s in numbers])
        for tag, steps in tags.items()
    }
    return found | {"all": np.ones(len(requests), np.bool_)}


def _runs(counts: NDArray[np.int64]) -> Iterator[int]:
    """The counts up to the last that is not zero, with runs of zeros as one negative number."""
    at = 0
    for index in np.flatnonzero(counts).tolist():
        if index > at:
            yield at - index
        yield int(counts[index])
        at = index + 1


def _leb128(number: int) -> bytes:
    """Zigzag, seven bits a byte, the lowest first; the ninth byte holds eight."""
    rest = (number << 1) ^ (number >> 63)
    found = bytearray()
    while rest > 0x7F and len(found) < 8:
        found.append((rest & 0x7F) | 0x80)
        rest >>= 7
    found.append(rest)
    return bytes(found)
