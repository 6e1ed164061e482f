"""Seeded customers on a clock that is stepped: what a generator would report of them, and what the record has."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from chaos.clock import VirtualClock
from chaos.load.batch import Batch, Started
from chaos.load.live import Live
from chaos.model.requests import Failure, Requests
from chaos.model.target import Journey, Step
from chaos.units import Duration
from tests.load.customers import traffic

STEP = "pay"
PATIENCE_S = 10.0
TRAFFIC = traffic(
    Step(name=STEP, method="GET", path="/"), journeys=(Journey(name="buy", weight=1, steps=(STEP,)),),
    patience=Duration(PATIENCE_S),
)  # fmt: skip
PERIOD_S = 0.25

# What becomes of a request, by when it was due: (seconds until it is over, how it failed).
Fate = Callable[[float, np.random.Generator], tuple[float, Failure]]


class SteppingClock(VirtualClock):
    """Waits in steps of 250 ms and calls somebody after each, as the guard's own thread would be."""

    def __init__(self) -> None:
        super().__init__()
        self.on_step: Callable[[], None] = lambda: None

    def wait(self, seconds: float, until: threading.Event) -> bool:
        left_s = seconds
        while left_s > 1e-9 and not until.is_set():
            step_s = min(PERIOD_S, left_s)
            super().wait(step_s, until)
            left_s -= step_s
            self.on_step()
        return until.is_set()


def healthy(at_s: float, dice: np.random.Generator) -> tuple[float, Failure]:
    return float(dice.gamma(4, 0.005)), Failure.NONE


def failing(share: float, since_s: float = 0.0, burst_s: float = 0.0) -> Fate:
    """So many fail from then on, at once: one by one, or everybody of the same few milliseconds."""

    def fate(at_s: float, dice: np.random.Generator) -> tuple[float, Failure]:
        luck = np.random.default_rng(int(at_s / burst_s)).random() if burst_s else dice.random()
        bad = at_s >= since_s and luck < share
        return float(dice.gamma(4, 0.005)), Failure.STATUS if bad else Failure.NONE

    return fate


def hanging(since_s: float) -> Fate:
    """Nobody is answered any more."""
    return lambda at_s, dice: (PATIENCE_S, Failure.PATIENCE) if at_s >= since_s else healthy(at_s, dice)


@dataclass
class Customers:
    """One request each, `rate` of them a second. `report` tells `live` what a generator would have by then."""

    live: Live
    fate: Fate = healthy
    rate: float = 200.0
    seed: int = 1
    lag_us: int = 100
    rows: list[tuple[int, ...]] = field(default_factory=list)  # all, as they end
    _reported_s: float = 0.0
    _under_way: dict[int, tuple[int, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._dice = np.random.default_rng(self.seed)

    def report(self, now_s: float) -> None:
        """What has happened since the last report. Times are in whole microseconds, as on the wire."""
        many = int(self._dice.poisson(self.rate * (now_s - self._reported_s)))
        for at_s in np.sort(self._dice.uniform(self._reported_s, now_s, many)):
            lasts_s, failure = self.fate(float(at_s), self._dice)
            number = len(self.rows)
            row = (round(at_s * 1e6), round(lasts_s * 1e6), self.lag_us, 0, 200, int(failure), 0, 0, number)
            self.rows.append(row)
            self._under_way[number] = row
        ended = {n: row for n, row in self._under_way.items() if row[0] + row[1] <= now_s * 1e6}
        known = {n for n, row in self._under_way.items() if row[0] < self._reported_s * 1e6}
        new = [
            (n, row[0], 0, 0, n) for n, row in self._under_way.items() if n not in ended and n not in known
        ]  # fmt: skip
        for number in ended:
            self._under_way.pop(number)
        self.live.add(
            Batch(
                at_s=now_s, finished=Requests.of(ended.values(), (STEP,), ("buy",), ("",)),
                started=Started.of(np.array(new, np.int64).reshape(-1, 5)),
                ended=np.array([n for n in ended if n in known], np.int64),
            )
        )  # fmt: skip
        self._reported_s = now_s

    def recorded(self) -> Requests:
        """What the record has once the traffic has stopped: those under way are unfinished, of their age."""
        now_us = round(self._reported_s * 1e6)
        open_rows = {
            n: (row[0], now_us - row[0], *row[2:5], int(Failure.UNFINISHED), *row[6:])
            for n, row in self._under_way.items()
        }
        return Requests.of([open_rows.get(n, row) for n, row in enumerate(self.rows)], (STEP,), ("buy",), ("",))
