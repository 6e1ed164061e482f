"""When customers come. Open loop: the times follow from the clock and the seed alone, never from the shop's answers."""

from __future__ import annotations

import math
import random
from typing import Literal

FOREVER = math.inf


class Arrivals:
    """The times of the arrivals, one after the other, in seconds.

    The gap to the next one is kept as work to be done at the current rate (exponential with mean 1 for Poisson, exactly
    1 for constant arrivals), so a change of the multiplier acts at once and the process stays what it was: a
    non-homogeneous Poisson process by time change (Çinlar, Introduction to Stochastic Processes, ch. 4.7).
    """

    def __init__(
        self, *, kind: Literal["poisson", "constant"], per_s: float, seed: str, start_s: float, offset: float = 0.0
    ) -> None:
        """`offset`, 0 to 1, moves constant arrivals by that part of a gap, so that shards do not arrive together."""
        self._random = random.Random(seed)
        self._kind = kind
        self._per_s = per_s
        self._multiplier = 1.0
        self._at_s = start_s  # up to here the work is done
        self._left = self._gap() if kind == "poisson" else offset
        self._due_s = self._due()

    @property
    def multiplier(self) -> float:
        return self._multiplier

    @property
    def next_s(self) -> float:
        """When the next customer is due; infinite while the rate is zero."""
        return self._due_s

    def take(self) -> float:
        """The next arrival; the one after it is drawn."""
        due_s = self._at_s = self._due_s
        self._left = self._gap()
        self._due_s = self._due()
        return due_s

    def multiply(self, multiplier: float, at_s: float) -> None:
        """From `at_s` on the rate is so many times the base rate. An arrival that is already due stays due.
        Raises: ValueError."""
        if not (math.isfinite(multiplier) and multiplier >= 0):
            raise ValueError(f"a multiplier is a number of at least 0, not {multiplier!r}")
        if self._due_s > at_s:
            self._left -= max(0.0, at_s - self._at_s) * self._per_s * self._multiplier
            self._at_s = max(self._at_s, at_s)
            self._multiplier = multiplier
            self._due_s = self._due()
        self._multiplier = multiplier

    def _due(self) -> float:
        rate = self._per_s * self._multiplier
        return self._at_s + max(0.0, self._left) / rate if rate > 0 else FOREVER

    def _gap(self) -> float:
        return self._random.expovariate(1.0) if self._kind == "poisson" else 1.0
