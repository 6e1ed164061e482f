"""One customer: walks through a journey, a step and then the next, and leaves when one fails."""

from __future__ import annotations

import asyncio
from typing import Any, Protocol

import msgspec

from chaos.load.engine import Reply, Visitor
from chaos.load.script import ReadyJourney, ReadyStep, Variables, look_up
from chaos.model.requests import Failure


class Place(Protocol):
    """Where customers are: tells the time, and writes down what they do."""

    patience_us: int
    think_us: int

    def now_us(self) -> int:
        """Microseconds since the run's zero."""

    def asks(self, customer: Customer, start_us: int, step: ReadyStep) -> int:
        """A request begins: its number."""

    def was_answered(self, request: int) -> None:
        """It is over."""

    def row(
        self, customer: Customer, step: ReadyStep, start_us: int, latency_us: int, lag_us: int, failure: Failure,
        status: int = 0, instance: str = "",
    ) -> None:  # fmt: skip
        """The record of one request."""

    def drop(self, why: str) -> None:
        """One that this machine could not send."""

    def acknowledge(self, what: str) -> None:
        """What the shop has promised to keep."""

    def leaves(self, customer: Customer) -> None:
        """The journey is over."""

    def breaks(self, cause: Exception) -> None:
        """Our own mistake has lost a customer, who must not look like one who was served."""


class Customer:
    """Driven by the event loop's callbacks. A failed step ends the journey: a customer without a product page does not
    put it into the cart."""

    __slots__ = (
        "_at", "_known", "_lag_us", "_place", "_request", "_start_us", "_thinking", "_visitor", "journey", "number",
    )  # fmt: skip

    def __init__(self, place: Place, number: int, journey: ReadyJourney, known: Variables, visitor: Visitor) -> None:
        self.number = number
        self.journey = journey
        self._place = place
        self._known = known
        self._visitor = visitor
        self._at = 0  # the step that is under way, or comes next
        self._start_us = 0
        self._lag_us = 0
        self._request = -1  # the number of the one that is under way
        self._thinking: asyncio.TimerHandle | None = None

    def ask(self, due_us: int) -> None:
        """The request of this step, which was due then. Raises nothing."""
        place, step, known = self._place, self.journey.steps[self._at], self._known
        now_us = place.now_us()
        self._start_us = start_us = min(due_us, now_us)
        self._lag_us = lag_us = now_us - start_us
        self._request = place.asks(self, start_us, step)
        try:
            self._visitor.ask(
                step.method, step.path(known), step.headers(known), None if step.body is None else step.body(known),
                (place.patience_us - lag_us) / 1e6, self._answered,
            )  # fmt: skip
        except Exception as cause:
            self._lost(cause)

    def cut(self) -> None:
        """The run is over: what they were doing is recorded as unfinished."""
        step = self.journey.steps[self._at]
        if self._request >= 0:
            self._record(step, Reply(Failure.UNFINISHED))
        elif self._thinking is not None:
            # Still reading the last page: what would have come next is unknown, and said so.
            self._place.row(self, step, self._start_us, 0, 0, Failure.UNFINISHED)
        self._leave()

    def _answered(self, reply: Reply) -> None:
        try:
            step = self.journey.steps[self._at]
            if reply.unsent:
                self._place.drop(reply.unsent)
            elif reply.failure is Failure.NONE and not (step.expects(reply.status) and self._save(step, reply.body)):
                reply = reply._replace(failure=Failure.STATUS)
            self._record(step, reply)
            if reply.failure is not Failure.NONE:
                self._leave()
                return
            if step.acknowledges is not None:
                self._place.acknowledge(str(self._known[step.acknowledges]))
            self._go_on()
        except Exception as cause:
            self._lost(cause)

    def _go_on(self) -> None:
        self._at += 1
        if self._at == len(self.journey.steps):
            self._leave()
            return
        think_us = self._place.think_us
        self._start_us = self._place.now_us() + think_us
        if think_us:
            self._thinking = asyncio.get_running_loop().call_later(think_us / 1e6, self._thought)
        else:
            self.ask(self._start_us)

    def _thought(self) -> None:
        self._thinking = None
        self.ask(self._start_us)

    def _record(self, step: ReadyStep, reply: Reply) -> None:
        place, start_us = self._place, self._start_us
        place.was_answered(self._request)
        self._request = -1
        place.row(
            self, step, start_us, place.now_us() - start_us, self._lag_us, reply.failure, reply.status, reply.instance
        )

    def _save(self, step: ReadyStep, content: bytes) -> bool:
        """Take out of the answer what later steps need; False when it is not there, which no step expects."""
        if not step.save:
            return True
        try:
            answer: Any = msgspec.json.decode(content)
            for name, path in step.save:
                self._known[name] = look_up(answer, path)
        except (msgspec.MsgspecError, LookupError, TypeError, ValueError):
            return False
        return True

    def _lost(self, cause: Exception) -> None:
        self._place.breaks(cause)
        if self._request >= 0:
            self._record(self.journey.steps[self._at], Reply(Failure.UNFINISHED))
        self._leave()

    def _leave(self) -> None:
        if self._thinking is not None:
            self._thinking.cancel()
            self._thinking = None
        self._visitor.leave()
        self._place.leaves(self)
