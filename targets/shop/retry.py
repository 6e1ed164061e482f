"""Second tries: only within a budget, so that retries never multiply an outage, and with jitter."""

from __future__ import annotations

import asyncio
import random

from targets.shop import metrics

# At most one request in ten is tried twice, with ten to spare for a sudden break (SRE Book, ch. 21).
TOKENS_PER_REQUEST = 0.1
TOKENS_MAX = 10.0
JITTER_S = (0.01, 0.05)


class RetryBudget:
    """Counts requests and the second tries that they have earned."""

    def __init__(self, *, enabled: bool) -> None:
        self.enabled = enabled
        self._tokens = TOKENS_MAX

    def earn(self) -> None:
        """One more first try."""
        if self._tokens < TOKENS_MAX:
            self._tokens += TOKENS_PER_REQUEST

    async def again(self, dependency: str) -> bool:
        """Is there budget for a second try? If so, take it and sleep a little first."""
        if not self.enabled or self._tokens < 1.0:
            return False
        self._tokens -= 1.0
        metrics.RETRIES.labels(dependency).inc()
        await asyncio.sleep(random.uniform(*JITTER_S))
        return True
