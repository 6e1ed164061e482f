"""The customers: they arrive when the clock says so, walk through their journeys, and leave a row for every request."""

from __future__ import annotations

import asyncio
import time
from array import array

from chaos.load.arrivals import Arrivals
from chaos.load.customer import Customer
from chaos.load.engine import Engine
from chaos.load.script import ReadyStep, Script
from chaos.load.wire import Config, Report
from chaos.model.requests import Failure

# Timers have a resolution of 1 ms: who is due in less is sent now, and has then come that much earlier.
_TICK_S = 0.0005
# So many arrivals at once, then answers are looked at again.
_BURST = 64


class Crowd:
    def __init__(self, config: Config, script: Script, arrivals: Arrivals, engine: Engine, customers_max: int) -> None:
        self.broken = ""  # why the generator itself cannot go on
        self._arrivals = arrivals
        self._script = script
        self._engine = engine
        self._max = customers_max
        self.patience_us = round(float(config.traffic.patience) * 1e6)
        self.think_us = round(float(config.traffic.think) * 1e6)
        self._t0_ns = round(config.t0_s * 1e9)
        self._shard, self._shards = config.shard, config.shards
        self._customers: set[Customer] = set()
        self._empty: asyncio.Future[None] | None = None  # set when the last one has left
        self._alarm: asyncio.Future[None] | None = None
        self._stopping = False
        self._arrived = 0
        self._asked = 0
        self._instances = {"": 0}
        self._clear()
        # Requests under way: those that no report has named yet, and the ids of those that one has.
        self._unnamed: dict[int, tuple[int, int, int, int]] = {}
        self._named: set[int] = set()

    @property
    def multiplier(self) -> float:
        return self._arrivals.multiplier

    @property
    def arrived(self) -> int:
        """Customers so far."""
        return self._arrived

    def now_us(self) -> int:
        """Microseconds since the run's zero."""
        return (time.monotonic_ns() - self._t0_ns) // 1000

    def multiply(self, multiplier: float) -> None:
        """Raises: ValueError."""
        self._arrivals.multiply(multiplier, self.now_us() / 1e6)
        self._wake()

    async def arrive(self) -> None:
        """Send the customers, each at the time that was drawn, until `stop`."""
        while not self._stopping:
            now_s = self.now_us() / 1e6
            for _ in range(_BURST):
                if self._arrivals.next_s > now_s + _TICK_S:
                    break
                self._send(self._arrivals.take())
            await self._sleep(min(self._arrivals.next_s - self.now_us() / 1e6, 1.0))

    def stop(self) -> None:
        """No new customers."""
        self._stopping = True
        self._wake()

    async def finish(self, drain_s: float) -> None:
        """Let those under way finish for so long; the rest is recorded as unfinished."""
        if self._customers and drain_s > 0:
            self._empty = asyncio.get_running_loop().create_future()
            await asyncio.wait([self._empty], timeout=drain_s)
        for customer in list(self._customers):
            customer.cut()

    def report(self) -> Report:
        """What happened since the last report."""
        started = array("q")
        for request, where in self._unnamed.items():
            started.append(request)
            started.extend(where)
        report = Report(
            at_us=self.now_us(), rows=self._rows.tobytes(), started=started.tobytes(), ended=self._ended.tobytes(),
            instances=tuple(self._new_instances), acknowledged=tuple(self._acknowledged), arrived=self._arrived,
            customers=len(self._customers), in_flight=len(self._unnamed) + len(self._named), dropped=self._dropped,
            why_dropped=self._why_dropped, multiplier=self.multiplier,
        )  # fmt: skip
        self._named.update(self._unnamed)
        self._unnamed.clear()
        self._clear()
        return report

    def _clear(self) -> None:
        self._rows = array("q")
        self._ended = array("q")
        self._acknowledged: list[str] = []
        self._new_instances: list[str] = []
        self._dropped = 0
        self._why_dropped = ""

    def _send(self, due_s: float) -> None:
        number = self._arrived * self._shards + self._shard
        self._arrived += 1
        journey, known = self._script.choose(number)
        if len(self._customers) >= self._max:
            self.drop(f"{len(self._customers)} customers are under way: there are no files for more connections")
            return
        customer = Customer(self, number, journey, known, self._engine.visitor())
        self._customers.add(customer)
        customer.ask(round(due_s * 1e6))

    # What customers tell: `Place` of customer.py ----------------------------------------------------------------------

    def asks(self, customer: Customer, start_us: int, step: ReadyStep) -> int:
        request = self._asked * self._shards + self._shard
        self._asked += 1
        self._unnamed[request] = (start_us, step.number, customer.journey.number, customer.number)
        return request

    def was_answered(self, request: int) -> None:
        if self._unnamed.pop(request, None) is None:
            self._named.discard(request)
            self._ended.append(request)

    def row(
        self, customer: Customer, step: ReadyStep, start_us: int, latency_us: int, lag_us: int, failure: Failure,
        status: int = 0, instance: str = "",
    ) -> None:  # fmt: skip
        number = self._instances.get(instance)
        if number is None:
            number = self._instances[instance] = len(self._instances)
            self._new_instances.append(instance)
        journey = customer.journey.number
        self._rows.extend(
            (start_us, latency_us, lag_us, step.number, status, failure, number, journey, customer.number)
        )

    def drop(self, why: str) -> None:
        self._dropped += 1
        self._why_dropped = why

    def acknowledge(self, what: str) -> None:
        self._acknowledged.append(what)

    def leaves(self, customer: Customer) -> None:
        self._customers.discard(customer)
        if not self._customers and self._empty is not None and not self._empty.done():
            self._empty.set_result(None)

    def breaks(self, cause: Exception) -> None:
        self.broken = self.broken or f"internal error: {type(cause).__name__}: {cause}"

    def _wake(self) -> None:
        if self._alarm is not None and not self._alarm.done():
            self._alarm.set_result(None)

    async def _sleep(self, seconds: float) -> None:
        """Until then, or until somebody calls `_wake`."""
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        loop = asyncio.get_running_loop()
        self._alarm = loop.create_future()
        handle = loop.call_later(seconds, self._wake)
        try:
            await self._alarm
        finally:
            handle.cancel()
