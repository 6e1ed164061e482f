"""Monotonic time for durations, UTC for people; and a virtual clock for tests."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """What the engine asks of time. Waits are always interruptible."""

    def now_s(self) -> float:
        """Seconds on a clock that never goes back, the same in every process of this machine."""

    def utc(self) -> datetime:
        """The time of day in UTC, for people."""

    def wait(self, seconds: float, until: threading.Event) -> bool:
        """Wait at most so many seconds; True as soon as the event is set."""


class RealClock:
    """CLOCK_MONOTONIC, which all processes of one machine share."""

    def now_s(self) -> float:
        return time.monotonic()

    def utc(self) -> datetime:
        return datetime.now(UTC)

    def wait(self, seconds: float, until: threading.Event) -> bool:
        return until.wait(max(0.0, seconds))


def boottime_s() -> float:
    """Seconds since boot, those included in which the machine slept (CLOCK_BOOTTIME; elsewhere than on Linux,
    CLOCK_MONOTONIC): what a lease is measured with."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


class VirtualClock:
    """A clock that a test moves. `wait` moves it by itself and never sleeps."""

    def __init__(self, start_s: float = 0.0) -> None:
        self._now_s = start_s
        self._epoch = datetime(2026, 1, 1, tzinfo=UTC)

    def now_s(self) -> float:
        return self._now_s

    def utc(self) -> datetime:
        return datetime.fromtimestamp(self._epoch.timestamp() + self._now_s, UTC)

    def wait(self, seconds: float, until: threading.Event) -> bool:
        if until.is_set():
            return True
        self._now_s += max(0.0, seconds)
        return False
