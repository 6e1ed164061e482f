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

import math
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
    the intended starts of those that are under way and may still turn out either way. `latency_us` are the latencies of
    what counts, in no order, where the SLI is a percentile of them.
    """

    start_us: Micros
    bad: Mask
    known_us: Micros
    open_us: Micros
    latency_us: Micros | None = None

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
    if shape is Shape.LATENCY:
        return _latency(condition, requests)
    if shape in (Shape.TRANSACTIONS, Shape.CUSTOMERS):
        now_us = _last_end_us(requests) if now_us is None else now_us
        rows = _of_journeys(requests, transactions) if shape is Shape.TRANSACTIONS else requests
        rows = rows.only(in_scope) if (in_scope := _in_scope(condition, rows)) is not None else rows
        if shape is Shape.CUSTOMERS:
            return _transactions(rows, patience_us, {}, 0, now_us)
        missing_us = round(think_s * 1e6) + patience_us + SLACK_US
        return _transactions(rows, patience_us, {} if condition.steps else transactions, missing_us, now_us)
    # Masks, not copies: a record has a million rows, and nine columns.
    bad, undecided = _failed(
        requests.failure, requests.latency_us, patience_us, _UNANSWERED if shape is Shape.THROUGHPUT else None
    )
    end = requests.start_us + np.where(requests.failure == Failure.UNFINISHED, patience_us, requests.latency_us)
    counts, is_open = ~undecided, undecided
    if (in_scope := _in_scope(condition, requests)) is not None:
        counts, is_open = counts & in_scope, is_open & in_scope
    return _sorted(requests.start_us, bad, end, counts, is_open)


def customers_affected(requests: Requests, patience_s: float) -> tuple[int, int]:
    """(customers with a bad request, customers): what `customers-affected` counts, for those who ask for no more. One
    with a request under way and none bad is not counted."""
    if not len(requests):
        return 0, 0
    bad, undecided = _failed(requests.failure, requests.latency_us, round(patience_s * 1e6), None)
    customer = requests.customer
    if int(customer.min()) < 0 or int(customer.max()) >= 8 * len(customer):  # not numbered from 0: number them
        customer = np.unique(customer, return_inverse=True)[1]
    there = np.bincount(customer)
    hit = np.bincount(customer[bad], minlength=len(there)) > 0
    under_way = np.bincount(customer[undecided], minlength=len(there)) > 0
    return int(hit.sum()), int(((there > 0) & (hit | ~under_way)).sum())


def bin_of(at_s: NDArray[np.float64], start_s: float) -> Micros:
    """In which quarter of a second of a window that began at `start_s` each time lies: what the sequential test is fed
    by, live and from the record."""
    bins: Micros = np.maximum(0, ((at_s - start_s) / BIN_S).astype(np.int64))
    return bins


def sample_counts(condition: Condition, sample: Sample) -> tuple[float, float]:
    """Bad and total of one reading of an SLI that does not come from the load. A gauge is one reading, good or bad.
    What cannot be is neither good nor bad: it counts as nothing."""
    if impossible(condition, sample):
        return 0.0, 0.0
    if condition.shape is not Shape.GAUGE:
        return max(0.0, sample.total - sample.good), sample.total
    if sample.value is None:
        return 0.0, 0.0
    meets = {Op.LT: operator.lt, Op.LE: operator.le, Op.GT: operator.gt, Op.GE: operator.ge}[condition.op]
    return float(not meets(sample.value, condition.threshold)), 1.0


def impossible(condition: Condition, sample: Sample) -> str:
    """Why a reading can be none: a NaN, a division by zero, a counter that went back; empty when it can."""
    seen = (sample.good, sample.total) if condition.shape is not Shape.GAUGE else (sample.value or 0.0,)
    if not all(math.isfinite(number) for number in seen):
        return f"a reading of {condition.sli} was {' of '.join(f'{number:g}' for number in seen)}, which is no number"
    if condition.shape is not Shape.GAUGE and not 0 <= sample.good <= sample.total:
        return f"a reading of {condition.sli} was {sample.good:g} good of {sample.total:g}: was a counter reset?"
    return ""


def named(condition: Condition, samples: Iterable[Sample]) -> list[Sample]:
    """The samples that are of a condition. Two sentences may ask one SLI with different thresholds: a source that
    counts per sentence names the sentence, any other the SLI."""
    samples = tuple(samples)
    return [s for s in samples if s.sli == condition.text] or [s for s in samples if s.sli == condition.sli]


def readings(
    condition: Condition, samples: Iterable[Sample], start_s: float, end_s: float
) -> tuple[NDArray[np.float64], Micros, Micros]:
    """When, bad and total of each reading in a span, in order, of an SLI that was read from elsewhere.

    A reading of counts reaches back to the one before it, so the first in a span is not of the span alone: left out.
    """
    at_s, bad, total = [], [], []
    last_s: dict[str, float] = {}
    for sample in sorted(named(condition, samples), key=lambda s: (s.at_s, s.service)):
        previous_s = last_s.get(sample.service, float("-inf")) if sample.since_s is None else sample.since_s
        last_s[sample.service] = sample.at_s
        bads, totals = sample_counts(condition, sample)
        of_before = condition.shape is not Shape.GAUGE and previous_s < start_s
        if start_s <= sample.at_s <= end_s and totals > 0 and not of_before:
            at_s.append(sample.at_s)
            bad.append(round(bads))
            total.append(round(totals))
    return np.array(at_s, np.float64), np.array(bad, np.int64), np.array(total, np.int64)


def latencies_us(condition: Condition, requests: Requests) -> Micros:
    """The latencies that a latency condition looks at: of the requests that `judge_rows` counts for it."""
    return timed_us(condition, requests)[1]


def timed_us(condition: Condition, requests: Requests) -> tuple[Micros, Micros]:
    """The same with the intended starts: (starts, latencies), in the order of the requests."""
    slow, gave_up = _slow(condition, requests)
    counts = slow | gave_up | (requests.failure == Failure.NONE)
    if (in_scope := _in_scope(condition, requests)) is not None:
        counts &= in_scope
    return requests.start_us[counts], requests.latency_us[counts]


def _latency(condition: Condition, rows: Requests) -> Counted:
    slow, gave_up = _slow(condition, rows)
    bad = slow | gave_up
    counts = bad | (rows.failure == Failure.NONE)
    is_open = ~counts & (rows.failure == Failure.UNFINISHED)
    if (in_scope := _in_scope(condition, rows)) is not None:
        counts, is_open = counts & in_scope, is_open & in_scope
    known = rows.start_us + np.where(slow, round(condition.threshold * 1e6), rows.latency_us)
    return _sorted(rows.start_us, bad, known, counts, is_open, rows.latency_us)


def _slow(condition: Condition, rows: Requests) -> tuple[Mask, Mask]:
    """Slower than the threshold; given up. `p99 < 2s` is bad at 2 s, `p99 <= 2s` is not; `p99 > 5s`, to abort, is not
    yet true at 5 s."""
    limit_us = round(condition.threshold * 1e6)
    equal_is_bad = condition.op in (Op.LT, Op.GE)
    slow = rows.latency_us >= limit_us if equal_is_bad else rows.latency_us > limit_us
    return slow, rows.failure == Failure.PATIENCE


def _failed(
    failure: NDArray[np.int32], latency_us: Micros, patience_us: int, only: tuple[Failure, ...] | None
) -> tuple[Mask, Mask]:
    """Which rows failed, and which are not decided yet: under way, and younger than the customer's patience."""
    unfinished = failure == Failure.UNFINISHED
    too_old = unfinished & (latency_us >= patience_us)
    failed = ~unfinished & (failure != Failure.NONE) if only is None else np.isin(failure, only)
    return failed | too_old, unfinished & ~too_old


def _transactions(rows: Requests, patience_us: int, steps: Mapping[str, int], missing_us: int, now_us: int) -> Counted:
    """One entry a customer. `steps` is how many a journey has; one that it does not name is never incomplete."""
    if not len(rows):
        return _sorted(rows.start_us, np.zeros(0, bool), rows.start_us, np.zeros(0, bool), np.zeros(0, bool))
    order = np.lexsort((rows.start_us, rows.customer))
    start_us, latency_us, failure = rows.start_us[order], rows.latency_us[order], rows.failure[order]
    first = np.flatnonzero(np.diff(rows.customer[order], prepend=rows.customer.min() - 1))
    bad, undecided = _failed(failure, latency_us, patience_us, None)
    ends = start_us + np.where(undecided | (failure != Failure.UNFINISHED), latency_us, patience_us)

    any_bad = np.logical_or.reduceat(bad, first)
    under_way = np.logical_or.reduceat(undecided, first)
    first_bad_end = np.minimum.reduceat(np.where(bad, ends, np.iinfo(np.int64).max), first)
    last_end = np.maximum.reduceat(ends, first)

    needed = np.array([steps.get(name, 0) for name in rows.journeys] or [0], np.int64)[rows.journey[order[first]]]
    incomplete = np.diff(np.append(first, len(rows))) < needed
    missing = incomplete & ~any_bad & ~under_way & (last_end + missing_us <= now_us)
    counts = any_bad | missing | ~(under_way | incomplete)
    known = np.where(any_bad, first_bad_end, np.where(missing, last_end + missing_us, last_end))
    return _sorted(start_us[first], any_bad | missing, known, counts, ~counts)


def _sorted(
    start_us: Micros, bad: Mask, known_us: Micros, counts: Mask, is_open: Mask, latency_us: Micros | None = None
) -> Counted:
    if not counts.all():
        chosen = np.flatnonzero(counts)
        latency_us = None if latency_us is None else latency_us[chosen]
        open_us = np.sort(start_us[is_open])
        start_us, bad, known_us = start_us[chosen], bad[chosen], known_us[chosen]
    else:
        open_us = start_us[:0]
    if not bool((start_us[1:] >= start_us[:-1]).all()):
        order = np.argsort(start_us, kind="stable")
        start_us, bad, known_us = start_us[order], bad[order], known_us[order]
    return Counted(start_us=start_us, bad=bad, known_us=known_us, open_us=open_us, latency_us=latency_us)


def _last_end_us(rows: Requests) -> int:
    return int((rows.start_us + rows.latency_us).max()) if len(rows) else 0


def _in_scope(condition: Condition, rows: Requests) -> Mask | None:
    """Which rows are of the condition's steps; None when all are."""
    if not condition.steps:
        return None
    wanted = np.array([name in condition.steps for name in rows.steps] or [False])
    chosen: Mask = wanted[rows.step]
    return chosen


def _of_journeys(rows: Requests, journeys: Mapping[str, int]) -> Requests:
    return rows.only(np.isin(rows.journey, [i for i, name in enumerate(rows.journeys) if name in journeys]))
