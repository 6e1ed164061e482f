"""Raw results of another program's requests, made into the columns that the recorder keeps and the judge counts."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from chaos.load.batch import Batch, Started
from chaos.load.wire import STARTED_WIDTH
from chaos.model.requests import Failure, Requests
from chaos.model.target import Traffic

# A shop has a few dozen kinds of requests. An engine that names each request anew would fill the record with names.
NAMES_MAX = 500
OTHERS = "others"


class Result(NamedTuple):
    """One request that has ended. `start_us` since the run's zero, from when it was really sent."""

    start_us: int
    latency_us: int
    method: str
    name: str
    status: int
    failure: Failure


class Results:
    """Batches of results, with the step that each belongs to: by the target's `names`, else under its own name."""

    def __init__(self, traffic: Traffic) -> None:
        self._steps = list(traffic.steps)
        self._numbers = {step.path: n for n, step in enumerate(traffic.steps.values())}
        self._count = 0

    def batch(self, results: Iterable[Result], at_us: int, dropped: int = 0, why_dropped: str = "") -> Batch:
        """What has ended by `at_us`. Each request counts as a customer of its own: an engine's users stay for the
        whole run, and come and go for nobody."""
        rows = []
        for result in results:
            self._count += 1
            step = self._step(result.method, result.name)
            rows.append(
                (
                    result.start_us, result.latency_us, 0, step, result.status, int(result.failure), 0, 0, self._count,
                )
            )  # fmt: skip
        return Batch(
            at_s=at_us / 1e6, finished=Requests.of(rows, self._steps, (), ("",)),
            started=Started.of(np.zeros((0, STARTED_WIDTH), np.int64)), ended=np.zeros(0, np.int64),
            arrived=self._count, dropped=dropped, why_dropped=why_dropped,
        )  # fmt: skip

    def _step(self, method: str, name: str) -> int:
        for key in (f"{method} {name}", name):
            if key in self._numbers:
                return self._numbers[key]
        if len(self._steps) >= NAMES_MAX:
            name = OTHERS
        if name not in self._numbers:
            self._numbers[name] = len(self._steps)
            self._steps.append(name)
        return self._numbers[name]
