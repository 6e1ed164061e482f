"""One condition in one span: how many samples, how many of them bad, and in which quarter of a second.

A request belongs to the span in which its intended start lies, a customer to that of the first request. Two borders:

- What a span's customers do after its end is not looked at: a journey that goes on into the next fault says nothing
  about the time before it. One that is under way then does not count.
- A request that began within the last second before a fault, and was not decided when the fault came, belongs to
  nobody: the span before cannot answer for it. One that began earlier was slow by itself, and counts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from chaos.judge.spans import Span
from chaos.model.counting import bin_of, judge_rows, readings
from chaos.model.objective import Condition
from chaos.model.plan import Plan
from chaos.model.sli import Shape, Source
from chaos.stats.sequential import BIN_S

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from chaos.model.journal import Journal
    from chaos.model.requests import Requests

STRADDLE_S = 1.0
_PER_CUSTOMER = (Shape.TRANSACTIONS, Shape.CUSTOMERS)


@dataclass(frozen=True, kw_only=True, slots=True)
class Bin:
    """A quarter of a second with samples. `end_s`: when it was over."""

    end_s: float
    bad: int
    total: int


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Entries:
    """What counts in a span, in the order of `at_s`: so many bad of so many each (None: of one), and when that was
    known. `latencies_us` only where the SLI is a percentile of them."""

    at_s: NDArray[np.float64]
    bad: NDArray[np.int64] | NDArray[np.bool_]
    total: NDArray[np.int64] | None
    known_s: NDArray[np.float64]
    latencies_us: NDArray[np.int64] | None = None

    def bads(self) -> int:
        return int(np.count_nonzero(self.bad)) if self.total is None else int(self.bad.sum())

    def totals(self) -> NDArray[np.int64]:
        return np.ones(len(self.bad), np.int64) if self.total is None else self.total


@dataclass(frozen=True, kw_only=True, slots=True)
class Count:
    """`bins` are those with samples, in order. `latencies_us` only where the SLI is a percentile of them."""

    bad: int
    total: int
    bins: tuple[Bin, ...] = ()
    latencies_us: NDArray[np.int64] | None = None
    # Of the bad ones: in which of the bins, how many, and when that was known.
    bads: tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]] | None = None


def count(condition: Condition, journal: Journal, span: Span) -> Count:
    """Count what the record has. The journal's requests must be sorted by intended start (`Requests.by_start`)."""
    if not span.began:
        return Count(bad=0, total=0)
    found = entries(condition, journal, span)
    total = len(found.bad) if found.total is None else int(found.total.sum())
    bins, bads = _bins(found, span)
    return Count(bad=found.bads(), total=total, bins=bins, latencies_us=found.latencies_us, bads=bads)


def entries(condition: Condition, journal: Journal, span: Span) -> Entries:
    """What `count` counts, one by one."""
    if condition.source is Source.LOAD:
        return _requests(condition, journal.requests, journal.plan, span)
    # A reading of counts reaches back to the one before it, so the first in a span is not of the span alone: left out.
    at_s, bad, total = readings(condition, journal.samples, span.start_s, span.end_s)
    return Entries(at_s=at_s, bad=bad, total=total, known_s=at_s)


def within(requests: Requests, start_s: float, end_s: float) -> Requests:
    """Those of sorted requests whose intended start lies in [start, end). No copy."""
    low, high = np.searchsorted(requests.start_us, [round(start_s * 1e6), round(end_s * 1e6)])
    return requests.only(slice(int(low), int(high)))


def _requests(condition: Condition, requests: Requests, plan: Plan, span: Span) -> Entries:
    """An SLI that comes from the load. `requests` are sorted by intended start."""
    per_customer = condition.shape in _PER_CUSTOMER
    rows = within(requests, -1e9 if per_customer else span.start_s, span.end_s)
    counted = judge_rows(
        condition, rows, patience_s=float(plan.patience), transactions=plan.transactions, think_s=float(plan.think),
        now_us=round(span.end_s * 1e6) if per_customer else None,
    )  # fmt: skip
    low, high = np.searchsorted(counted.start_us, [round(span.start_s * 1e6), round(span.end_s * 1e6)])
    start_us, bad, known_us = (
        column[low : max(low, high)] for column in (counted.start_us, counted.bad, counted.known_us)
    )
    if span.next_fault_s is not None and span.window.phase != "during":
        fault_us = round(span.next_fault_s * 1e6)
        first = int(np.searchsorted(start_us, fault_us - round(STRADDLE_S * 1e6)))
        nobodys = known_us[first:] > fault_us
        if nobodys.any():
            chosen = np.append(np.arange(first), first + np.flatnonzero(~nobodys))
            start_us, bad, known_us = start_us[chosen], bad[chosen], known_us[chosen]
    return Entries(
        at_s=start_us / 1e6, bad=bad, total=None, known_s=known_us / 1e6,
        latencies_us=counted.latency_us,
    )  # fmt: skip


def _bins(
    found: Entries, span: Span
) -> tuple[tuple[Bin, ...], tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]] | None]:
    """(the bins with samples, `Count.bads`)."""
    if not len(found.at_s):
        return (), None
    index = bin_of(found.at_s, span.start_s)
    size = int(index[-1]) + 1
    is_bad = np.flatnonzero(found.bad)
    # Weights that are whole numbers below 2^53: exact.
    weights = found.bad[is_bad].astype(np.float64)
    bads = np.bincount(index[is_bad], weights, size).astype(np.int64)
    totals = np.bincount(index, found.total, size).astype(np.int64)
    ends = span.start_s + (np.arange(size) + 1) * BIN_S
    filled = np.flatnonzero(totals)
    columns = (column[filled].tolist() for column in (ends, bads, totals))
    place = np.cumsum(totals > 0) - 1  # among the filled ones
    bins = tuple(Bin(end_s=e, bad=b, total=t) for e, b, t in zip(*columns, strict=True))
    return bins, (place[index[is_bad]], weights, found.known_s[is_bad])
