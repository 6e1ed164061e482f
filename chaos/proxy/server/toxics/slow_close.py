"""slow_close: data passes, the end of the stream comes `delay` milliseconds late."""

from __future__ import annotations

from dataclasses import dataclass
from time import monotonic

from chaos.proxy.server.stage import Held, Holding


@dataclass(frozen=True, kw_only=True, slots=True)
class SlowClose:
    """Milliseconds."""

    delay: int = 0

    def problem(self) -> str | None:
        return None


class SlowCloseStage(Holding[SlowClose]):
    """Only ever holds the end. Changing the toxic starts the delay again, as in Toxiproxy."""

    def on_end(self) -> None:
        self.queue.append(Held(monotonic() + max(0, self.attributes.delay) / 1000, None, 0.0))
        self._arm()

    def on_retune(self) -> None:
        self._disarm()
        if self.queue:
            self.queue.clear()
            self.take_end()
