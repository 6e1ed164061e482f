"""What a toxic does to one direction of one connection. The contract of the files in `toxics/`.

Data is pushed: a stage gets it in `on_data`, and passes it on with `self.next.feed`, now or later from a timer. Nothing
here waits, so adding, changing and removing a toxic are plain calls that always succeed, whatever the peers do.
"""

from __future__ import annotations

import asyncio
import random
from collections import deque
from dataclasses import dataclass
from math import ceil, inf
from time import monotonic
from typing import Generic, Protocol, TypeVar

# uvloop's timers have a resolution of 1 ms. What is due within half of that goes now, and since due times are absolute
# the difference is not lost: that is the sleep debt that keeps delays below a millisecond right on average.
SLACK_S = 0.0005

# What one stage may hold before its source is no longer read. Toxiproxy's stages hold a chunk of 32 KiB or two.
HOLD_BYTES = 64 * 1024

# A held piece costs more than its bytes: a stream of single bytes must fill a stage too.
LEAST_PIECE_BYTES = 1024

LONGEST_TIMER_S = 365 * 24 * 3600.0


class Attributes(Protocol):
    """The parameters of one type of toxic: a frozen dataclass of whole numbers."""

    def problem(self) -> str | None:
        """Why no toxic can work with these values, or None."""


class Sink(Protocol):
    """What takes data and, at most once, an end."""

    def feed(self, data: bytes, read_at: float) -> None: ...
    def end(self) -> None: ...


class Owner(Protocol):
    """What a stage may ask of the link that it is on."""

    def reset(self) -> None:
        """Cut the whole connection with a TCP reset, to both sides."""

    def balance(self) -> None:
        """Look again whether the source should be read."""


A = TypeVar("A", bound=Attributes)


class Stage(Generic[A]):
    """One toxic on one link; the base class passes everything through.

    `active` is the link's roll against the toxicity. `read_at` is the monotonic second at which the bytes were read.
    """

    def __init__(self, attributes: A, *, active: bool, chance: random.Random, owner: Owner) -> None:
        self.attributes = attributes
        self.active = active
        self.chance = chance
        self.owner = owner
        self.next: Sink = _NOWHERE
        self.held_bytes = 0
        self.ended = False

    # Called by the link.

    def feed(self, data: bytes, read_at: float) -> None:
        if self.ended:
            return
        if self.active:
            self.on_data(data, read_at)
        else:
            self.next.feed(data, read_at)

    def end(self) -> None:
        if not self.ended:
            self.ended = True
            self.take_end()

    def take_end(self) -> None:
        """Handle the end, also again after a change."""
        if self.active:
            self.on_end()
        else:
            self.next.end()

    def retune(self, attributes: A, *, active: bool) -> None:
        """The toxic's attributes or toxicity changed, and the link rolled again."""
        self.attributes = attributes
        self.active = active
        self.on_retune()

    def closes_with_reset(self) -> bool:
        """Whether the connection, however it ends, ends with a reset."""
        return False

    def hold_limit_bytes(self) -> int:
        """How much this stage may hold before the source is paused."""
        return HOLD_BYTES

    # What a toxic defines.

    def start(self) -> None:
        """The stage is in its place on the link."""

    def on_data(self, data: bytes, read_at: float) -> None:
        self.next.feed(data, read_at)

    def on_end(self) -> None:
        self.next.end()

    def on_retune(self) -> None:
        """Take up the new attributes."""

    def release(self) -> None:
        """The toxic is being removed: pass on, now, whatever is held."""

    def drop(self) -> None:
        """The connection is gone: forget everything, stop every timer."""


class Nowhere:
    """The end of a chain that is not wired yet, or no longer."""

    def feed(self, data: bytes, read_at: float) -> None: ...
    def end(self) -> None: ...


_NOWHERE = Nowhere()


@dataclass(slots=True)
class Held:
    """Something that waits for its time. `data` is None for the end of the stream, `last` false when more of the same
    chunk is behind it."""

    due: float
    data: bytes | None
    read_at: float
    last: bool = True


class Holding(Stage[A]):
    """A stage that passes things on in their order, each when it is due."""

    # True: each piece in a loop turn, and so in a system call, of its own.
    one_a_turn = False
    # True: what passes counts as read when it was due, so that two latencies add up. The other toxics keep the time of
    # reading, as in Toxiproxy: what a bandwidth before a latency has cost counts towards the latency.
    moves_read_at = False

    def __init__(self, attributes: A, *, active: bool, chance: random.Random, owner: Owner) -> None:
        super().__init__(attributes, active=active, chance=chance, owner=owner)
        self.queue: deque[Held] = deque()
        self._timer: asyncio.Handle | None = None

    def hold(self, data: bytes, due: float, read_at: float, *, last: bool = True) -> None:
        """Keep `data` until `due`, or until what is before it has gone."""
        self.queue.append(Held(due, data, read_at, last))
        self.held_bytes += max(len(data), LEAST_PIECE_BYTES)
        if self._timer is None:
            self._arm()

    def on_end(self) -> None:
        """The end takes its place after what is held, and is not delayed itself."""
        if self.queue:
            self.queue.append(Held(self.queue[-1].due, None, 0.0))
        else:
            self.next.end()

    def release(self) -> None:
        self._disarm()
        while self.queue:
            self._pass_on(early=True)

    def on_retune(self) -> None:
        # Toxiproxy interrupts the toxic: the chunk that it sleeps on goes at once, the others meet the new values.
        self._disarm()
        while self.queue:
            whole = self.queue[0].last
            self._pass_on(early=True)
            if whole:
                break
        waiting = list(self.queue)
        self.queue.clear()
        self.held_bytes = 0
        for item in waiting:
            if item.data is None:
                self.take_end()
            elif self.active:
                self.on_data(item.data, item.read_at)
            else:
                self.next.feed(item.data, item.read_at)

    def drop(self) -> None:
        self._disarm()
        self.queue.clear()
        self.held_bytes = 0

    def _pass_on(self, *, early: bool = False) -> None:
        item = self.queue.popleft()
        if item.data is None:
            self.next.end()
        else:
            self.held_bytes -= max(len(item.data), LEAST_PIECE_BYTES)
            self.next.feed(item.data, item.due if self.moves_read_at and not early else item.read_at)

    def _wake(self) -> None:
        self._timer = None
        now = monotonic() + SLACK_S
        while self.queue and self.queue[0].due <= now:
            self._pass_on()
            if self.one_a_turn:
                break
        if self.queue and self._timer is None:
            self._arm()
        self.owner.balance()

    def _arm(self) -> None:
        wait_s = self.queue[0].due - monotonic()
        if wait_s == inf:
            return
        loop = asyncio.get_running_loop()
        if wait_s <= SLACK_S:
            self._timer = loop.call_soon(self._wake)
        else:
            self._timer = loop.call_later(min(ceil(wait_s * 1000 - 0.5) / 1000, LONGEST_TIMER_S), self._wake)

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
