"""What sources other than the traffic said lately, and when they last could not be read: for the guard."""

from __future__ import annotations

import math
import statistics
import time
from collections import deque

import numpy as np
from numpy.typing import NDArray

from chaos.errors import Unavailable
from chaos.load.evidence import of_samples
from chaos.model.counting import named, sample_counts
from chaos.model.evidence import Evidence
from chaos.model.journal import Sample
from chaos.model.objective import Condition

# Readings come once a second or so: a shorter span would hold one or none.
SPAN_S = 2.5
# A source whose every reading has failed for so long cannot be guarded by: one late answer is no reason to end a run.
BLIND_S = 3.0


class Readings:
    """Those of the last `keep_s`. One thread at a time: its owner has a lock."""

    def __init__(self, keep_s: float) -> None:
        self._keep_s = keep_s
        self._samples: deque[Sample] = deque()
        self._read_s: dict[str, float] = {}  # when each SLI, or sentence, was last read
        self._errors: dict[str, tuple[float, float, str]] = {}  # SLI -> when it first and last could not be, and why

    def add(self, sample: Sample) -> None:
        self._samples.append(sample)
        self._read_s[sample.sli] = time.monotonic()
        while self._samples[0].at_s < sample.at_s - self._keep_s:
            self._samples.popleft()

    def add_error(self, sli: str, error: str) -> None:
        now_s = time.monotonic()
        first_s, _, _ = self._errors.get(sli, (now_s, now_s, ""))
        self._errors[sli] = (first_s, now_s, error)

    def recent(self, condition: Condition, span_s: float, now_s: float) -> tuple[int, int]:
        """Bad and total of the last so many seconds, but at least SPAN_S. `now_s` is how far other news goes.
        Raises: Unavailable when every reading has failed for BLIND_S."""
        self._refuse_blind(condition)
        return self._count(self._named(condition, *self._lately(condition, max(span_s, SPAN_S), now_s)), condition)

    def between(self, condition: Condition, start_s: float, end_s: float) -> tuple[int, int]:
        """Bad and total, without scrapes that reach back to before the start."""
        found = self._named(condition, start_s, end_s)
        return self._count([s for s in found if s.since_s is None or s.since_s >= start_s], condition)

    def evidence(self, condition: Condition, start_s: float, first: int) -> Evidence:
        """What there is for the sequential test of a window that began at `start_s`, from its quarter `first` on."""
        found = self._named(condition, -math.inf, math.inf)
        return of_samples(condition, found, start_s, first, trouble=self._failed(condition, start_s, found))

    def values(self, condition: Condition, start_s: float, end_s: float) -> NDArray[np.float64]:
        """What a gauge read."""
        found = self._named(condition, start_s, end_s)
        return np.array([s.value for s in found if s.value is not None], np.float64)

    @staticmethod
    def _count(found: list[Sample], condition: Condition) -> tuple[int, int]:
        counts = [sample_counts(condition, sample) for sample in found]
        return round(sum(bad for bad, _ in counts)), round(sum(total for _, total in counts))

    def _named(self, condition: Condition, start_s: float, end_s: float) -> list[Sample]:
        return named(condition, (s for s in self._samples if start_s <= s.at_s <= end_s))

    def _failed(self, condition: Condition, start_s: float, found: list[Sample]) -> str:
        """Why a source could not be read since then; empty when it could. By how long ago, on two clocks."""
        ago_s = time.monotonic() - max((s.at_s for s in found), default=start_s) + start_s - SPAN_S
        errors = (self._errors.get(name) for name in (condition.text, condition.sli, condition.sli.partition(".")[0]))
        return next((error for _, last_s, error in filter(None, errors) if last_s >= ago_s), "")

    def _refuse_blind(self, condition: Condition) -> None:
        """Raises: Unavailable."""
        now_s = time.monotonic()
        read_s = max(self._read_s.get(name, float("-inf")) for name in (condition.text, condition.sli))
        for name in (condition.sli, condition.sli.partition(".")[0]):
            first_s, last_s, error = self._errors.get(name, (now_s, float("-inf"), ""))
            if now_s - last_s < BLIND_S <= now_s - max(first_s, read_s):
                raise Unavailable(error)

    def _lately(self, condition: Condition, span_s: float, now_s: float) -> tuple[float, float]:
        """From when to when "now" is. Where somebody else scrapes, that is the newest scrape of every instance, however
        long ago it was: a source that stops is told by its reader."""
        scrapes = [s for s in self._named(condition, -math.inf, math.inf) if s.since_s is not None]
        if not scrapes:
            now_s = max(now_s, max((s.at_s for s in self._samples), default=0.0))
            return now_s - span_s, now_s
        newest = max(scrapes, key=lambda sample: sample.at_s)
        apart_s = statistics.median(s.at_s - s.since_s for s in scrapes[-20:] if s.since_s is not None)
        # A little less than from one to the next, or the one before would be among them.
        return newest.at_s - max(span_s, 0.98 * apart_s), newest.at_s
