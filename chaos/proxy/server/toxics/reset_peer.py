"""reset_peer: `timeout` milliseconds after the first data, or the end, both sides get a TCP reset. No data passes."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass

from chaos.proxy.server.stage import LONGEST_TIMER_S, Owner, Stage


@dataclass(frozen=True, kw_only=True, slots=True)
class ResetPeer:
    """Milliseconds."""

    timeout: int = 0

    def problem(self) -> str | None:
        return None


class ResetPeerStage(Stage[ResetPeer]):
    """Works on live connections too; Toxiproxy gives those a plain close, since it sets SO_LINGER at their start."""

    def __init__(self, attributes: ResetPeer, *, active: bool, chance: random.Random, owner: Owner) -> None:
        super().__init__(attributes, active=active, chance=chance, owner=owner)
        self._timer: asyncio.TimerHandle | None = None

    def closes_with_reset(self) -> bool:
        # Toxiproxy sets SO_LINGER, so that an end from the other direction and a disabled proxy are resets as well.
        return self.active

    def on_data(self, data: bytes, read_at: float) -> None:
        self.on_end()

    def on_end(self) -> None:
        if self._timer is None:
            wait_s = min(max(0, self.attributes.timeout) / 1000, LONGEST_TIMER_S)
            self._timer = asyncio.get_running_loop().call_later(wait_s, self.owner.reset)

    def on_retune(self) -> None:
        if self._timer is not None:
            # Bytes were dropped already: the connection cannot go on.
            self.release()

    def release(self) -> None:
        if self._timer is not None:
            self.drop()
            self.owner.reset()

    def drop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
