"""One direction of a connection: from one socket's reads, through the stages of the toxics, to the other's writes.

    source socket > stage > stage > ... > sink socket

Without a toxic there are no stages, and a read is a write: that is the fast path.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
import struct
from collections.abc import Callable
from time import monotonic
from typing import Any, Protocol

from chaos.proxy.server.stage import Stage
from chaos.proxy.server.toxic import Toxic
from chaos.proxy.server.toxics import TOXICS

# Toxiproxy copies with a buffer of this size, so its toxics see chunks of at most that.
CHUNK_BYTES = 32 * 1024


_LINGER_RESET = struct.pack("ii", 1, 0)


class Cut(Protocol):
    """What a link may do to the connection that it belongs to, and ask of it."""

    def reset(self) -> None: ...
    def closes_with_reset(self) -> bool: ...


def reset(transport: asyncio.Transport) -> None:
    """Close with a TCP reset: what is unsent is thrown away."""
    sock: socket.socket | None = transport.get_extra_info("socket")
    if sock is not None:
        # ValueError: it is closed already, and so has no descriptor.
        with contextlib.suppress(OSError, ValueError):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_RESET)
    transport.abort()


def _discard(data: bytes) -> None:
    """Where the data for a closed socket goes."""


class Link:
    """A chain of stages, one for each toxic of its direction, in the order in which the toxics were added."""

    __slots__ = (
        "_blocked",
        "_chance",
        "_cut",
        "_ended",
        "_paused",
        "_source",
        "_source_ended",
        "sink",
        "stages",
        "write",
    )

    def __init__(
        self,
        *,
        source: asyncio.Transport,
        sink: asyncio.Transport,
        toxics: list[Toxic],
        chance: Callable[[str], random.Random],
        cut: Cut,
    ) -> None:
        self._source = source
        self.sink = sink
        self.write: Callable[[bytes], None] = sink.write
        self._chance = chance
        self._cut = cut
        self._ended = False
        self._source_ended = False
        self._paused = False
        self._blocked = False
        self.stages: list[Stage[Any]] = [self._stage(toxic) for toxic in toxics]
        self._wire()

    def start(self) -> None:
        """Both ends are up."""
        for stage in list(self.stages):
            stage.start()

    # From the sockets.

    def receive(self, data: bytes) -> None:
        """The source has read something."""
        if not self.stages:
            self.write(data)
            return
        if self._ended:
            return
        now = monotonic()
        first = self.stages[0]
        for start in range(0, len(data), CHUNK_BYTES):
            first.feed(data[start : start + CHUNK_BYTES] if len(data) > CHUNK_BYTES else data, now)
        self.balance()

    def source_end(self) -> None:
        """The source has read its end, or is gone."""
        if self._source_ended:
            return
        self._source_ended = True
        if self.stages:
            self.stages[0].end()
        else:
            self.end()

    def sink_blocked(self, blocked: bool) -> None:
        """The sink's peer does not keep up, or does again."""
        self._blocked = blocked
        self.balance()

    def sink_gone(self) -> None:
        """The sink is closed. What still comes is read and dropped, so that the source's end is seen."""
        self._ended = True
        self._blocked = False
        self.write = _discard
        for stage in self.stages:
            stage.drop()
        self.balance()

    # From the stages.

    def feed(self, data: bytes, read_at: float) -> None:
        self.write(data)

    def end(self) -> None:
        """The stream has ended here: close the sink, wholly. Toxiproxy does not keep a half-open connection either."""
        if not self._ended:
            self._ended = True
            self.write = _discard
            if self._cut.closes_with_reset():
                reset(self.sink)
            else:
                self.sink.close()

    def reset(self) -> None:
        self._cut.reset()

    def balance(self) -> None:
        """Pause the source when something is too full, go on reading when all have room again."""
        if self._source.is_closing():
            return
        if self._paused:
            room = all(stage.held_bytes * 2 <= stage.hold_limit_bytes() for stage in self.stages)
            if not self._blocked and (room or self.write is _discard):
                self._paused = False
                self._source.resume_reading()
        elif self._blocked or (
            self.write is not _discard and any(stage.held_bytes > stage.hold_limit_bytes() for stage in self.stages)
        ):
            self._paused = True
            self._source.pause_reading()

    # From the API.

    def add(self, toxic: Toxic) -> None:
        stage = self._stage(toxic)
        self.stages.append(stage)
        self._wire()
        stage.start()

    def change(self, index: int, toxic: Toxic) -> None:
        stage = self.stages[index]
        stage.retune(toxic.attributes, active=self._rolls(toxic, stage.chance))
        self.balance()

    def remove(self, index: int) -> None:
        stage = self.stages[index]
        stage.release()
        stage.drop()
        del self.stages[index]
        self._wire()
        self.balance()

    def drop(self) -> None:
        """The connection is gone."""
        for stage in self.stages:
            stage.drop()

    def _stage(self, toxic: Toxic) -> Stage[Any]:
        chance = self._chance(toxic.name)
        active = self._rolls(toxic, chance)
        return TOXICS[toxic.type].stage(toxic.attributes, active=active, chance=chance, owner=self)

    @staticmethod
    def _rolls(toxic: Toxic, chance: random.Random) -> bool:
        return chance.random() < toxic.toxicity

    def _wire(self) -> None:
        for stage, after in zip(self.stages, self.stages[1:], strict=False):
            stage.next = after
        if self.stages:
            self.stages[-1].next = self
