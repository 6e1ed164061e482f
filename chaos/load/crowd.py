"""The customers: they arrive when the clock says so, walk through their journeys, and leave a row for every request."""

from __future__ import annotations

import asyncio
import time
from array import array

import msgspec

from chaos.load.arrivals import Arrivals
from chaos.load.engine import CannotSend, Engine, Visitor
from chaos.load.script import ReadyJourney, ReadyStep, Script, Variables, look_up
from chaos.load.wire import Config, Report
from chaos.model.requests import Failure

# Timers have a resolution of 1 ms: who is due in less is sent now, and has then come that much earlier.
_TICK_S = 0.0005
# So many arrivals at once, then answers are looked at again.
_BURST = 64


class Crowd:
    """A failed step ends the journey: a customer without a product page does not put it into the cart."""

    def __init__(self, config: Config, script: Script, arrivals: Arrivals, engine: Engine, customers_max: int) -> None:
        self.broken = ""  # why the generator itself cannot go on
        self._arrivals = arrivals
        self._script = script
        self._engine = engine
        self._max = customers_max
        self._patience_us = round(float(config.traffic.patience) * 1e6)
        self._think_us = round(float(config.traffic.think) * 1e6)
        self._t0_ns = round(config.t0_s * 1e9)
        self._shard, self._shards = config.shard, config.shards
        self._tasks: set[asyncio.Task[None]] = set()
        self._alarm: asyncio.Future[None] | None = None
        self._stopping = False
        self._arrived = 0
        self._asked = 0
        self._in_flight = 0
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
        if self._tasks and drain_s > 0:
            await asyncio.wait(self._tasks, timeout=drain_s)
        left = list(self._tasks)
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)

    def report(self) -> Report:
        """What happened since the last report."""
        started = array("q")
        for request, where in self._unnamed.items():
            started.append(request)
            started.extend(where)
        report = Report(
            at_us=self.now_us(), rows=self._rows.tobytes(), started=started.tobytes(), ended=self._ended.tobytes(),
            instances=tuple(self._new_instances), acknowledged=tuple(self._acknowledged), arrived=self._arrived,
            customers=len(self._tasks), in_flight=self._in_flight, dropped=self._dropped,
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
        journey, variables = self._script.choose(number)
        if len(self._tasks) >= self._max:
            self._drop(f"{len(self._tasks)} customers are under way: there are no files for more connections")
            return
        task = asyncio.ensure_future(self._visit(number, round(due_s * 1e6), journey, variables))
        self._tasks.add(task)
        task.add_done_callback(self._left)

    def _left(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            # A customer that our own mistake has lost must not look like one who was served.
            self.broken = self.broken or f"internal error: {type(error).__name__}: {error}"

    async def _visit(self, customer: int, start_us: int, journey: ReadyJourney, variables: Variables) -> None:
        visitor = self._engine.visitor()
        try:
            for step in journey.steps:
                wait_us = start_us - self.now_us()
                if wait_us > 0 and step is not journey.steps[0]:
                    try:
                        await asyncio.sleep(wait_us / 1e6)
                    except asyncio.CancelledError:
                        # Still reading the last page when the run ended: what comes next is unknown, and said so.
                        self._row(start_us, 0, 0, step, journey, customer, Failure.UNFINISHED)
                        raise
                if not await self._ask(visitor, customer, min(start_us, self.now_us()), step, journey, variables):
                    return
                start_us = self.now_us() + self._think_us
        finally:
            visitor.leave()

    async def _ask(
        self, visitor: Visitor, customer: int, start_us: int, step: ReadyStep, journey: ReadyJourney, known: Variables
    ) -> bool:
        """One request, recorded. False when the journey ends here."""
        request = self._asked * self._shards + self._shard
        self._asked += 1
        self._unnamed[request] = (start_us, step.number, journey.number, customer)
        self._in_flight += 1
        lag_us = self.now_us() - start_us
        failure, status, instance = Failure.UNFINISHED, 0, ""
        try:
            body = None if step.body is None else step.body(known)
            failure, status, instance, content = await visitor.request(
                step.method, step.path(known), step.headers(known), body, (self._patience_us - lag_us) / 1e6
            )
            if failure is Failure.NONE and not (step.expects(status) and _save(step, content, known)):
                failure = Failure.STATUS
        except CannotSend as cause:
            self._drop(str(cause))
        finally:
            self._in_flight -= 1
            if self._unnamed.pop(request, None) is None:
                self._named.discard(request)
                self._ended.append(request)
            self._row(start_us, self.now_us() - start_us, lag_us, step, journey, customer, failure, status, instance)
        if failure is Failure.NONE and step.acknowledges is not None:
            self._acknowledged.append(str(known[step.acknowledges]))
        return failure is Failure.NONE

    def _row(
        self, start_us: int, latency_us: int, lag_us: int, step: ReadyStep, journey: ReadyJourney, customer: int,
        failure: Failure, status: int = 0, instance: str = "",
    ) -> None:  # fmt: skip
        number = self._instances.get(instance)
        if number is None:
            number = self._instances[instance] = len(self._instances)
            self._new_instances.append(instance)
        self._rows.extend(
            (start_us, latency_us, lag_us, step.number, status, failure, number, journey.number, customer)
        )

    def _drop(self, why: str) -> None:
        self._dropped += 1
        self._why_dropped = why

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


def _save(step: ReadyStep, content: bytes, known: Variables) -> bool:
    """Take out of the answer what later steps need; False when it is not there, which no step expects."""
    if not step.save:
        return True
    try:
        answer = msgspec.json.decode(content)
        for name, path in step.save:
            known[name] = look_up(answer, path)
    except (msgspec.MsgspecError, LookupError, TypeError, ValueError):
        return False
    return True
