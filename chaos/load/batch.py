"""A generator's report, made into columns: what the recorder keeps and the live window counts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chaos.load.wire import STARTED_WIDTH, Report
from chaos.model.requests import COLUMNS, Failure, Requests

Micros = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True, slots=True)
class Started:
    """Requests that are under way, as columns of equal length. `ids` are unique in the run."""

    ids: Micros
    start_us: Micros
    step: Micros
    journey: Micros
    customer: Micros

    def __len__(self) -> int:
        return len(self.ids)

    @classmethod
    def of(cls, table: Micros) -> Started:
        """From a table with a row for each request."""
        return cls(ids=table[:, 0], start_us=table[:, 1], step=table[:, 2], journey=table[:, 3], customer=table[:, 4])


@dataclass(frozen=True, kw_only=True, slots=True)
class Batch:
    """What one generator process did in a quarter of a second. `started` are the requests that began and have not
    ended; `ended` the ids of those that an earlier batch named so. A request of which both lie in one batch is only in
    `finished`."""

    at_s: float  # seconds since the run's zero
    finished: Requests
    started: Started
    ended: Micros
    acknowledged: tuple[str, ...] = ()
    arrived: int = 0  # customers so far
    customers: int = 0  # under way
    in_flight: int = 0  # requests under way
    dropped: int = 0  # customers who were due in this quarter and could not be sent
    why_dropped: str = ""
    multiplier: float = 1.0
    shard: int = 0


class Joiner:
    """Makes batches of the reports of one or more processes; the same instance has the same number in all of them."""

    def __init__(self, steps: Sequence[str], journeys: Sequence[str], shards: int) -> None:
        self._steps, self._journeys = tuple(steps), tuple(journeys)
        self._instances = [""]
        self._numbers: list[list[int]] = [[0] for _ in range(shards)]  # shard -> its numbers -> ours
        self._under_way: list[dict[int, tuple[int, ...]]] = [{} for _ in range(shards)]
        self._at_us = [0] * shards

    def batch(self, shard: int, report: Report) -> Batch:
        """Raises: ValueError when a report's tables do not have their width."""
        for name in report.instances:
            if name not in self._instances:
                self._instances.append(name)
            self._numbers[shard].append(self._instances.index(name))
        table = np.frombuffer(report.rows, "<i8").reshape(-1, len(COLUMNS)).copy()
        instance = list(COLUMNS).index("instance")
        table[:, instance] = np.array(self._numbers[shard])[table[:, instance]]
        started = np.frombuffer(report.started, "<i8").reshape(-1, STARTED_WIDTH)
        ended = np.frombuffer(report.ended, "<i8")
        pending = self._under_way[shard]
        pending.update((row[0], tuple(row[1:])) for row in started.tolist())
        for request in ended.tolist():
            pending.pop(request, None)
        self._at_us[shard] = report.at_us
        return Batch(
            at_s=report.at_us / 1e6, finished=self._requests(table), started=Started.of(started), ended=ended,
            acknowledged=report.acknowledged, arrived=report.arrived, customers=report.customers,
            in_flight=report.in_flight, dropped=report.dropped, why_dropped=report.why_dropped,
            multiplier=report.multiplier, shard=shard,
        )  # fmt: skip

    def leftover(self, shard: int) -> Batch | None:
        """What was under way when the process was last heard of, as unfinished; None when nothing was."""
        pending, at_us = self._under_way[shard], self._at_us[shard]
        if not pending:
            return None
        rows = [
            (start, max(0, at_us - start), 0, step, 0, int(Failure.UNFINISHED), 0, journey, customer)
            for start, step, journey, customer in pending.values()
        ]
        ended = np.array(list(pending), np.int64)
        pending.clear()
        return Batch(
            at_s=at_us / 1e6, finished=self._requests(np.array(rows, np.int64)), ended=ended, shard=shard,
            started=Started.of(np.zeros((0, STARTED_WIDTH), np.int64)),
        )  # fmt: skip

    def _requests(self, table: Micros) -> Requests:
        columns: dict[str, Any] = {name: table[:, i].astype(kind) for i, (name, kind) in enumerate(COLUMNS.items())}
        return Requests(**columns, steps=self._steps, journeys=self._journeys, instances=tuple(self._instances))
