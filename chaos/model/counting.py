"""Which requests count for an SLI, and which of them are bad. Written once: the live screen, the guard and the judge
ask here, so that they cannot disagree.

| shape | one entry is | bad | does not count |
|---|---|---|---|
| availability, error-rate | a request | any failure | unfinished and younger than the patience |
| throughput | a request | no answer at all | the same |
| latency | a request | slower than the threshold, or given up | failed or unfinished faster than the threshold |
| transactions | a customer of a `transaction` journey | a bad step, or a step missing for too long | still under way |
| customers-affected | a customer | any bad request | no finished request, or one under way and none bad |

A failed answer that came fast says nothing about speed: it counts for availability, not for latency. A customer who
gave up is slow by any threshold, also by one above the patience.
"""

from __future__ import annotations

import operator
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from chaos.model.objective import Op
from chaos.model.requests import Failure, Requests
from chaos.model.sli import LOAD_SLIS, Shape
from chaos.stats.sequential import BIN_S

if TYPE_CHECKING:
    from chaos.model.journal import Sample
    from chaos.model.objective import Condition
    from chaos.model.target import Traffic

Mask = NDArray[np.bool_]
Micros = NDArray[np.int64]

# A step that should have ended is called missing only after this much more, in microseconds: rows reach the runner in
# batches of 250 ms, and a busy machine delays them.
SLACK_US = 2_000_000

_UNANSWERED = (Failure.PATIENCE, Failure.REFUSED, Failure.RESET, Failure.OTHER)


@dataclass(frozen=True, kw_only=True, slots=True)
class Counted:
    """One entry for each thing that counts, sorted by `start_us`; the first three have equal length.

    `start_us` is the intended start (of the customer's first request, where customers count). `known_us` is when it was
    known to be good or bad: a slow request turns bad when its age passes the threshold, not when it ends. `open_us` are
    the intended starts of those that are under way and may still turn out either way.
    """

    start_us: Micros
    bad: Mask
    known_us: Micros
    open_us: Micros

    def __len__(self) -> int:
        return len(self.start_us)


def transactions_of(traffic: Traffic) -> dict[str, int]:
    """How many steps each journey has that is a transaction."""
    return {journey.name: len(journey.steps) for journey in traffic.journeys if journey.transaction}


def judge_rows(
    condition: Condition,
    requests: Requests,
    *,
    patience_s: float,
    transactions: Mapping[str, int],
    think_s: float = 0.0,
    now_us: int | None = None,
) -> Counted:
    """Count what the condition is about. Only steps in the condition's scope are looked at.

    `transactions` maps the journeys that are transactions to their number of steps; with a scope, only the steps in the
    scope must be good, and none is called missing. `now_us` is how far the record goes (default: its last end).
    Raises: ValueError for an SLI that does not come from the load.
    """
    shape = condition.shape
    if shape is not Shape.LATENCY and shape not in LOAD_SLIS.values():
        raise ValueError(f"{condition.text}: {shape.value} is not counted over requests")
    patience_us = round(patience_s * 1e6)
    now_us = _last_end_us(requests) if now_us is None else now_us
    rows = requests
    if shape is Shape.TRANSACTIONS:
        rows = _of_journeys(rows, transactions)
    if condition.steps:
        rows = _of_steps(rows, condition.steps)
    if shape is Shape.LATENCY:
        return _latency(condition, rows)
    if shape is Shape.TRANSACTIONS:
        missing_us = round(think_s * 1e6) + patience_us + SLACK_US
        return _transactions(rows, patience_us, {} if condition.steps else transactions, missing_us, now_us)
    if shape is Shape.CUSTOMERS:
        return _transactions(rows, patience_us, {}, 0, now_us)
    bad, undecided = _failed(rows, patience_us, _UNANSWERED if shape is Shape.THROUGHPUT else None)
    end = rows.start_us + np.where(rows.failure == Failure.UNFINISHED, patience_us, rows.latency_us)
    return _sorted(rows.start_us, bad, end, ~undecided, undecided)


def bin_of(at_s: NDArray[np.float64], start_s: float) -> Micros:
    """In which quarter of a second of a window that began at `start_s` each time lies: what the sequential test is fed
    by, live and from the record."""
    bins: Micros = np.maximum(0, ((at_s - start_s) / BIN_S).astype(np.int64))
    return bins


def sample_counts(condition: Condition, sample: Sample) -> tuple[float, float]:
    """Bad and total of one reading of an SLI that does not come from the load. A gauge is one reading, good or bad."""
    if condition.shape is not Shape.GAUGE:
        return max(0.0, sample.total - sample.good), sample.total
    if sample.value is None:
        return 0.0, 0.0
    meets = {Op.LT: operator.lt, Op.LE: operator.le, Op.GT: operator.gt, Op.GE: operator.ge}[condition.op]
    return float(not meets(sample.value, condition.threshold)), 1.0


def readings(
    condition: Condition, samples: Iterable[Sample], start_s: float, end_s: float
) -> tuple[NDArray[np.float64], Micros, Micros]:
    """When, bad and total of each reading in a span, in order, of an SLI that was read from elsewhere.

    A reading of counts reaches back to the one before it, so the first in a span is not of the span alone: left out.
    Two sentences may ask one SLI with different thresholds; a source that counts per sentence names the sentence.
    """
    samples = tuple(samples)
    named = [s for s in samples if s.sli == condition.text] or [s for s in samples if s.sli == condition.sli]
    at_s, bad, total = [], [], []
    last_s: dict[str, float] = {}
    for sample in sorted(named, key=lambda s: (s.at_s, s.service)):
        previous_s = last_s.get(sample.service, float("-inf")) if sample.since_s is None else sample.since_s
        last_s[sample.service] = sample.at_s
        counts = sample.value is not None if condition.shape is Shape.GAUGE else sample.total > 0
        of_before = condition.shape is not Shape.GAUGE and previous_s < start_s
        if start_s <= sample.at_s <= end_s and counts and not of_before:
            bads, totals = sample_counts(condition, sample)
            at_s.append(sample.at_s)
            bad.append(round(bads))
            total.append(round(totals))
    return np.array(at_s, np.float64), np.array(bad, np.int64), np.array(total, np.int64)


def latencies_us(condition: Condition, requests: Requests) -> Micros:
    """The latencies that a latency condition looks at: of the requests that `judge_rows` counts for it."""
    return timed_us(condition, requests)[1]


def timed_us(condition: Condition, requests: Requests) -> tuple[Micros, Micros]:
    """The same with the intended starts: (starts, latencies), in the order of the requests."""
    rows = _of_steps(requests, condition.steps) if condition.steps else requests
    slow, gave_up = _slow(condition, rows)
    counts = slow | gave_up | (rows.failure == Failure.NONE)
    return rows.start_us[counts], rows.latency_us[counts]


def _latency(condition: Condition, rows: Requests) -> Counted:
    slow, gave_up = _slow(condition, rows)
    bad = slow | gave_up
    counts = bad | (rows.failure == Failure.NONE)
    known = rows.start_us + np.where(slow, round(condition.threshold * 1e6), rows.latency_us)
    return _sorted(rows.start_us, bad, known, counts, ~counts & (rows.failure == Failure.UNFINISHED))


def _slow(condition: Condition, rows: Requests) -> tuple[Mask, Mask]:
    """Slower than the threshold; given up. `p99 < 2s` is bad at 2 s, `p99 <= 2s` is not; `p99 > 5s`, to abort, is not
    yet true at 5 s."""
    limit_us = round(condition.threshold * 1e6)
    equal_is_bad = condition.op in (Op.LT, Op.GE)
    slow = rows.latency_us >= limit_us if equal_is_bad else rows.latency_us > limit_us
    return slow, rows.failure == Failure.PATIENCE


def _failed(rows: Requests, patience_us: int, only: tuple[Failure, ...] | None) -> tuple[Mask, Mask]:
    """Which rows failed, and which are not decided yet: under way, and younger than the customer's patience."""
    unfinished = rows.failure == Failure.UNFINISHED
    too_old = unfinished & (rows.latency_us >= patience_us)
    failed = ~unfinished & (rows.failure != Failure.NONE) if only is None else np.isin(rows.failure, only)
    return failed | too_old, unfinished & ~too_old


def _transactions(rows: Requests, patience_us: int, steps: Mapping[str, int], missing_us: int, now_us: int) -> Counted:
    """One entry a customer. `steps` is how many a journey has; one that it does not name is never incomplete."""
    if not len(rows):
        return _sorted(rows.start_us, np.zeros(0, bool), rows.start_us, np.zeros(0, bool), np.zeros(0, bool))
    rows = rows.only(np.lexsort((rows.start_us, rows.customer)))
    first = np.flatnonzero(np.diff(rows.customer, prepend=rows.customer[0] - 1))
    bad, undecided = _failed(rows, patience_us, None)
    ends = rows.start_us + np.where(undecided | (rows.failure != Failure.UNFINISHED), rows.latency_us, patience_us)

    any_bad = np.logical_or.reduceat(bad, first)
    under_way = np.logical_or.reduceat(undecided, first)
    first_bad_end = np.minimum.reduceat(np.where(bad, ends, np.iinfo(np.int64).max), first)
    last_end = np.maximum.reduceat(ends, first)

    needed = np.array([steps.get(name, 0) for name in rows.journeys] or [0], np.int64)[rows.journey[first]]
    incomplete = np.diff(np.append(first, len(rows))) < needed
    missing = incomplete & ~any_bad & ~under_way & (last_end + missing_us <= now_us)
    counts = any_bad | missing | ~(under_way | incomplete)
    known = np.where(any_bad, first_bad_end, np.where(missing, last_end + missing_us, last_end))
    return _sorted(rows.start_us[first], any_bad | missing, known, counts, ~counts)


def _sorted(start_us: Micros, bad: Mask, known_us: Micros, counts: Mask, is_open: Mask) -> Counted:
    chosen = np.flatnonzero(counts)
    chosen = chosen[np.argsort(start_us[chosen], kind="stable")]
    return Counted(
        start_us=start_us[chosen], bad=bad[chosen], known_us=known_us[chosen], open_us=np.sort(start_us[is_open])
    )


def _last_end_us(rows: Requests) -> int:
    return int((rows.start_us + rows.latency_us).max()) if len(rows) else 0


def _of_steps(rows: Requests, steps: tuple[str, ...]) -> Requests:
    return rows.only(np.isin(rows.step, [i for i, name in enumerate(rows.steps) if name in steps]))


def _of_journeys(rows: Requests, journeys: Mapping[str, int]) -> Requests:
    return rows.only(np.isin(rows.journey, [i for i, name in enumerate(rows.journeys) if name in journeys]))
