"""A circuit breaker: a dependency that keeps failing is left alone for a while."""

from __future__ import annotations

import random
import time
from collections.abc import Callable

from targets.shop import metrics

CLOSED, HALF_OPEN, OPEN = 0, 1, 2

# Five failures in a row are no accident at any load; a second is what a customer does not notice, and short enough
# to be back at once when the dependency is.
FAILURES_TO_OPEN = 5
OPEN_FOR_S = 1.0


class Breaker:
    """Closed: all may pass. Open: none. After `OPEN_FOR_S` one may try; its success closes the breaker."""

    def __init__(self, dependency: str, *, enabled: bool, now: Callable[[], float] = time.monotonic) -> None:
        self.dependency = dependency
        self.enabled = enabled
        self._now = now
        self._failures = 0
        self._state = CLOSED
        self._try_at = 0.0
        self._gauge = metrics.BREAKER_STATE.labels(dependency)
        self._gauge.set(CLOSED)

    @property
    def state(self) -> int:
        return self._state

    def allows(self) -> bool:
        """May one call pass now? The caller must report how it went."""
        if self._state == CLOSED or not self.enabled:
            return True
        now = self._now()
        if now < self._try_at:
            return False
        # One trial at a time; if it never reports, another may follow after the same pause.
        self._become(HALF_OPEN)
        self._try_at = now + OPEN_FOR_S
        return True

    def succeeded(self) -> None:
        self._failures = 0
        if self._state != CLOSED:
            self._become(CLOSED)

    def failed(self) -> None:
        self._failures += 1
        if self.enabled and (self._state == HALF_OPEN or self._failures >= FAILURES_TO_OPEN):
            self._become(OPEN)
            # Jitter: three instances should not try all at the same moment.
            self._try_at = self._now() + OPEN_FOR_S * random.uniform(0.8, 1.2)

    def _become(self, state: int) -> None:
        self._state = state
        self._gauge.set(state)
