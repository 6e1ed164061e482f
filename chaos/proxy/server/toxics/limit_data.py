"""limit_data: the connection is closed once `bytes` bytes have passed."""

from __future__ import annotations

import random
from dataclasses import dataclass

from chaos.proxy.server.stage import Owner, Stage


@dataclass(frozen=True, kw_only=True, slots=True)
class LimitData:
    """Bytes in one direction of one connection, counted from when the toxic came to it."""

    bytes: int = 0

    def problem(self) -> str | None:
        return None


class LimitDataStage(Stage[LimitData]):
    """Passes what is left, then ends the stream. The count outlives a change of the limit."""

    def __init__(self, attributes: LimitData, *, active: bool, chance: random.Random, owner: Owner) -> None:
        super().__init__(attributes, active=active, chance=chance, owner=owner)
        self._passed_bytes = 0

    def on_data(self, data: bytes, read_at: float) -> None:
        left = max(0, self.attributes.bytes - self._passed_bytes)
        passing = data[:left]
        self._passed_bytes += len(passing)
        if passing:
            self.next.feed(passing, read_at)
        if self._passed_bytes >= self.attributes.bytes:
            self.next.end()
