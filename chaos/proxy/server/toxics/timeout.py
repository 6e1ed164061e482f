"""timeout: no data passes; after `timeout` milliseconds without any the connection is closed, with 0 never."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass

from chaos.proxy.server.stage import LONGEST_TIMER_S, Owner, Stage


@dataclass(frozen=True, kw_only=True, slots=True)
class Timeout:
    """Milliseconds."""

    timeout: int = 0

    def problem(self) -> str | None:
        return None


class TimeoutStage(Stage[Timeout]):
    """A black hole. Removing it closes the connection, for bytes are missing (Toxiproxy's `Cleanup`)."""

    def __init__(self, attributes: Timeout, *, active: bool, chance: random.Random, owner: Owner) -> None:
        super().__init__(attributes, active=active, chance=chance, owner=owner)
        self._timer: asyncio.TimerHandle | None = None
        self._swallowed = False

    def start(self) -> None:
        if self.active and self.attributes.timeout > 0:
            self._timer = asyncio.get_running_loop().call_later(
                min(self.attributes.timeout / 1000, LONGEST_TIMER_S), self._expire
            )

    def on_data(self, data: bytes, read_at: float) -> None:
        # Toxiproxy waits anew after each chunk that it drops.
        self._swallowed = True
        self.drop()
        self.start()

    def on_retune(self) -> None:
        self.drop()
        if not self.active and self._swallowed:
            # What follows would arrive with a hole before it.
            self.next.end()
            return
        self.start()

    def release(self) -> None:
        self.drop()
        self.next.end()

    def drop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _expire(self) -> None:
        self._timer = None
        self.next.end()
