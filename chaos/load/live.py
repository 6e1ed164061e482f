"""What is known of a run while it lasts: for the guard, the screen, and the engine between two steps. The verdict is
made from the record alone, by the same counting rules.

The last minutes are kept row by row; what is older, as bad and total for each quarter of a second and each sentence
that somebody has asked about, and after some minutes for each ten seconds. So the memory stays flat.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from chaos.errors import Unavailable
from chaos.load.batch import Batch
from chaos.load.bins import BIN_US, NOTHING, Bins
from chaos.load.evidence import of_requests
from chaos.load.readings import Readings
from chaos.load.wire import SILENT_S
from chaos.load.words import condition_now
from chaos.model.counting import Counted, judge_rows, latencies_us, transactions_of
from chaos.model.evidence import Evidence, given_back
from chaos.model.journal import Sample
from chaos.model.live import LiveFigures
from chaos.model.objective import Condition
from chaos.model.requests import Failure, Requests
from chaos.model.sli import Shape, Source
from chaos.model.target import Traffic
from chaos.stats.sequential import BIN_S

KEEP_S = 120.0
# Bins that are older than this are made coarser. A window that began so long ago may miss that much at its beginning.
COARSE_AFTER_S = 600.0
_SECOND_US = 1_000_000
_PER_CUSTOMER = (Shape.TRANSACTIONS, Shape.CUSTOMERS)


class Live:
    """Safe to use from several threads. `conditions` are those that will be asked about; others may be asked too, but
    then what is older than `keep_s` is unknown for them."""

    def __init__(
        self, traffic: Traffic | None, conditions: Iterable[Condition] = (), *, keep_s: float = KEEP_S
    ) -> None:
        self._lock = threading.RLock()
        self._patience_s = float(traffic.patience) if traffic is not None else 0.0
        self._think_s = float(traffic.think) if traffic is not None else 0.0
        self._transactions = transactions_of(traffic) if traffic is not None else {}
        longest = max((len(j.steps) for j in traffic.journeys), default=0) if traffic is not None else 0
        # A customer's whole visit must fit, or it would be counted twice.
        self._visit_us = round((longest * (self._patience_s + self._think_s) + 3.0) * 1e6)
        self._keep_us = max(round(keep_s * 1e6), self._visit_us)
        self._steps = tuple(traffic.steps) if traffic is not None else ()
        self._journeys = tuple(j.name for j in traffic.journeys) if traffic is not None else ()
        self._rows = Requests.empty(self._steps, self._journeys)
        self._new: list[Requests] = []
        # request -> start_us, step, journey, customer, and when it was first told to be under way
        self._under_way: dict[int, tuple[int, int, int, int, int]] = {}
        self._old: dict[Condition, Bins] = dict.fromkeys(conditions, NOTHING)
        self._folded_us = 0  # every customer who came before this is only in the bins
        self._readings = Readings(max(KEEP_S, self._keep_us / 1e6))
        self._now_us: dict[int, int] = {}
        self._heard_s = 0.0
        self._in_flight: dict[int, int] = {}

    def add(self, batch: Batch) -> None:
        """From the traffic's threads."""
        with self._lock:
            self._heard_s = time.monotonic()
            self._now_us[batch.shard] = round(batch.at_s * 1e6)
            self._in_flight[batch.shard] = batch.in_flight
            if len(batch.finished):
                self._new.append(batch.finished)
            began = batch.started
            columns = (c.tolist() for c in (began.ids, began.start_us, began.step, began.journey, began.customer))
            seen_us = round(batch.at_s * 1e6)
            self._under_way.update((row[0], (*row[1:], seen_us)) for row in zip(*columns, strict=True))
            for request in batch.ended.tolist():
                self._under_way.pop(request, None)
            # Half as much again is kept before anything is folded, so that it happens rarely.
            if self._at_us() - self._folded_us > self._keep_us * 3 // 2:
                self._fold(self._at_us() - self._keep_us)

    def add_sample(self, sample: Sample) -> None:
        """From the sampler's threads."""
        with self._lock:
            self._readings.add(sample)

    def add_error(self, sli: str, error: str) -> None:
        """From the sampler's threads: it could not be read."""
        with self._lock:
            self._readings.add_error(sli, error)

    def recent(self, condition: Condition, span_s: float) -> tuple[int, int]:
        """Bad and total of what was decided in the last so many seconds: a request that is under way is decided once it
        is too old to be good. Of other sources: as `Readings.recent`.
        Raises: Unavailable when the generator has not been heard of for SILENT_S, or another source cannot be read."""
        with self._lock:
            if condition.source is not Source.LOAD:
                return self._readings.recent(condition, span_s, self._at_us() / 1e6)
            if self._heard_s and time.monotonic() - self._heard_s > SILENT_S:
                raise Unavailable(f"the traffic generator has said nothing for {SILENT_S:.0f} s")
            now_us = self._at_us()
            since_us = now_us - round(span_s * 1e6)
            reach_us = round(max(self._patience_s, condition.threshold) * 1e6) + _SECOND_US
            if condition.shape in _PER_CUSTOMER:
                reach_us = self._visit_us
            counted = self._count(condition, since_us - reach_us)
            chosen = (counted.known_us > since_us) & (counted.known_us <= now_us)
            return int(counted.bad[chosen].sum()), int(chosen.sum())

    def between(self, condition: Condition, start_s: float, end_s: float) -> tuple[int, int]:
        """Bad and total by intended start, of what is decided by now."""
        if condition.source is not Source.LOAD:
            with self._lock:
                return self._readings.between(condition, start_s, end_s)
        start_us, end_us = round(start_s * 1e6), round(end_s * 1e6)
        with self._lock:
            # Four times a second, of a window that may last for hours: nothing of its length is copied.
            old = self._old.setdefault(condition, NOTHING).of(start_us, end_us)
            before_us = self._visit_us if condition.shape in _PER_CUSTOMER else 0
            counted = self._count(condition, start_us - before_us)
        chosen = (counted.start_us >= start_us) & (counted.start_us < end_us)
        return int(old.bad.sum() + counted.bad[chosen].sum()), int(old.total.sum() + chosen.sum())

    def evidence(self, condition: Condition, start_s: float, first: int = 0) -> Evidence:
        """What there is for the sequential test of a window that began at `start_s`, from its quarter `first` on."""
        with self._lock:
            if condition.source is not Source.LOAD:
                return self._readings.evidence(condition, start_s, first)
            visit_us = self._visit_us if condition.shape in _PER_CUSTOMER else 0
            rows = self._since(round((start_s + first * BIN_S) * 1e6) - BIN_US - visit_us)
            plain, fair = self._judged(condition, rows), self._judged(condition, given_back(rows, self._patience_s))
            # A customer between two steps may still meet a bad one: nobody is over before the longest visit is.
            wait_s = self._visit_us / 1e6 if condition.shape is Shape.CUSTOMERS else 0.0
            return of_requests(plain, fair, start_s, first, now_s=self._at_us() / 1e6, wait_s=wait_s)

    def lag_s(self, start_s: float) -> float:
        """How late the generator was since then, its p99 in seconds."""
        with self._lock:
            rows = self._merged()
        lag_us = rows.lag_us[rows.start_us >= start_s * 1e6]
        return float(np.percentile(lag_us, 99, method="higher")) / 1e6 if len(lag_us) else 0.0

    def figures(
        self, *, at_s: float, window: str = "", window_elapsed_s: float = 0.0, window_length_s: float = 0.0,
        conditions: Iterable[Condition] = (), span_s: float = 2.0,
    ) -> LiveFigures:  # fmt: skip
        """For a screen. Rates and percentiles are of the last `span_s` seconds, by the time of the answer."""
        with self._lock:
            rows = self._merged()
            since_us = self._at_us() - round(span_s * 1e6)
            answered = rows.failure != Failure.UNFINISHED
            lately = rows.only(np.flatnonzero(answered & (rows.start_us + rows.latency_us > since_us)))
            in_flight = sum(self._in_flight.values())
        seen = len(lately)
        p50_s, p99_s = (float(x) / 1e6 for x in np.percentile(lately.latency_us, [50, 99])) if seen else (None, None)
        began_s = at_s - window_elapsed_s
        return LiveFigures(
            at_s=at_s, window=window, window_elapsed_s=window_elapsed_s, window_length_s=window_length_s,
            rate=seen / min(span_s, max(at_s, 0.25)), p50_s=p50_s, p99_s=p99_s, in_flight=in_flight,
            error_ratio=float(np.mean(lately.failure != Failure.NONE)) if seen else None,
            conditions=tuple(
                condition_now(c, *self.between(c, began_s, at_s), values=self._values(c, began_s, at_s))
                for c in conditions
            ),
        )  # fmt: skip

    def _values(self, condition: Condition, start_s: float, end_s: float) -> NDArray[np.float64]:
        """What a percentile or a gauge is taken from; only what is kept row by row."""
        with self._lock:
            if condition.shape is Shape.GAUGE:
                return self._readings.values(condition, start_s, end_s)
            if condition.shape is not Shape.LATENCY:
                return np.zeros(0)
            rows = self._since(round(start_s * 1e6))
            return latencies_us(condition, rows) / 1e6

    def _at_us(self) -> int:
        """How far the news goes: as far as the slowest generator's."""
        return min(self._now_us.values(), default=0)

    def _merged(self) -> Requests:
        if self._new:
            self._rows = Requests.join([self._rows, *self._new])
            self._new.clear()
        return self._rows

    def _since(self, start_us: int) -> Requests:
        """Finished or under way, with an intended start from then on; those under way as unfinished, of their age."""
        rows, now_us = self._merged(), self._at_us()
        chosen = rows.only(np.flatnonzero(rows.start_us >= start_us))
        # How late it was sent is told with its end only: at the latest just before it was first told of.
        pending = [
            (
                start,
                max(0, now_us - start),
                max(0, seen - start),
                step,
                0,
                int(Failure.UNFINISHED),
                0,
                journey,
                customer,
            )
            for start, step, journey, customer, seen in self._under_way.values()
            if start >= start_us
        ]
        if not pending:
            return chosen
        return Requests.join([chosen, Requests.of(pending, self._steps, self._journeys, rows.instances)])

    def _count(self, condition: Condition, start_us: int) -> Counted:
        return self._judged(condition, self._since(start_us))

    def _judged(self, condition: Condition, rows: Requests) -> Counted:
        return judge_rows(
            condition, rows, patience_s=self._patience_s, transactions=self._transactions, think_s=self._think_s,
            now_us=self._at_us(),
        )  # fmt: skip

    def _fold(self, before_us: int) -> None:
        """Make bins of the customers who came before, and forget their rows. A customer of whom a request is still
        under way after `_visit_us` does not exist: patience ends every one."""
        rows = self._merged()
        customers, of = np.unique(rows.customer, return_inverse=True)
        first_us = np.full(len(customers), np.iinfo(np.int64).max)
        np.minimum.at(first_us, of, rows.start_us)
        is_old = first_us[of] < before_us
        old = rows.only(is_old)
        for condition, bins in self._old.items():
            if condition.source is Source.LOAD:
                counted = self._judged(condition, old)
                both = bins.and_of(counted.start_us, counted.bad)
                self._old[condition] = both.coarser(before_us - round(COARSE_AFTER_S * 1e6))
        self._rows = rows.only(~is_old)
        self._folded_us = before_us
