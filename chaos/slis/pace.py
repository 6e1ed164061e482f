"""How often a Prometheus has new samples, how late they are, and what its times are on the run's clock."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterable
from itertools import pairwise
from typing import TYPE_CHECKING

from chaos.errors import Unavailable

if TYPE_CHECKING:
    from chaos.slis.prometheus_api import PrometheusApi, Series, ServerClock

# So far back the first look goes: it finds the newest sample and the interval of any scrape up to two minutes.
LOOK_BACK_S = 300.0
# While nothing says how often samples come.
ASSUMED_S = 15.0
# New samples are looked for several times in an interval, within these limits.
LOOKS = 5
PERIOD_S = (1.0, 3.0)
CLOCK_EVERY_S = 30.0
# Beyond this a clock has not drifted, it was set.
JUMP_S = 0.5
# Without a new sample for so many times the delay, a source has gone silent.
STALE_TIMES = 3.0


class Pace:
    """Of one source. Times are the server's Unix seconds, unless they are called the run's."""

    def __init__(self) -> None:
        self.interval_s: float | None = None
        self.newest_s: float | None = None
        self._clock: ServerClock | None = None
        self._asked_s: float | None = None
        self._lag_s = 0.0

    @property
    def delay_s(self) -> float:
        """So long after something happened, it has been seen at the latest: the wait for its scrape, as much as samples
        are late in the server, and the wait for our next look."""
        return (self.interval_s or ASSUMED_S) + self._lag_s + self.period_s

    @property
    def period_s(self) -> float:
        """From one look to the next."""
        return min(PERIOD_S[1], max(PERIOD_S[0], (self.interval_s or ASSUMED_S) / LOOKS))

    def look(self, api: PrometheusApi) -> float:
        """For how many seconds back samples must be asked now. Raises: Unavailable when the server's clock was set:
        what it says of the time before cannot be put in its place."""
        clock = self._clock
        if clock is None or time.monotonic() - clock.monotonic_s > CLOCK_EVERY_S:
            new = api.clock()
            self._clock = new
            if clock is not None:
                jumped_s = (new.unix_s - clock.unix_s) - (new.monotonic_s - clock.monotonic_s)
                if abs(jumped_s) > JUMP_S + new.error_s + clock.error_s:
                    way = "forward" if jumped_s > 0 else "back"
                    raise Unavailable(f"Prometheus' clock was set {way} by {abs(jumped_s):.1f} s")
        back_s = LOOK_BACK_S
        if self._asked_s is not None and self.newest_s is not None:
            # Since the last look that was answered; a sample may be in the server only some time after its scrape.
            back_s = self.now_s() - self._asked_s + 3 * (self.interval_s or ASSUMED_S) + 10
        return min(back_s, 3600.0)

    def now_s(self) -> float:
        """The server's now."""
        assert self._clock is not None
        return self._clock.unix_s + time.monotonic() - self._clock.monotonic_s

    def on_run(self, unix_s: float, zero_s: float) -> float:
        """A server's time as the run's, whose zero is this on CLOCK_MONOTONIC."""
        assert self._clock is not None
        return self._clock.monotonic_s + (unix_s - self._clock.unix_s) - zero_s

    def saw(self, series: Iterable[Series]) -> None:
        """An answer with these samples."""
        self._asked_s = self.now_s()
        times = [[at_s for at_s, _ in one.points] for one in series]
        gaps = [b - a for points in times for a, b in pairwise(points)]
        first = self.newest_s is None
        if gaps and (self.interval_s is None or first):
            self.interval_s = statistics.median(gaps)
        newest_s = max((points[-1] for points in times if points), default=None)
        if newest_s is not None and (first or newest_s > (self.newest_s or 0.0)):
            if first and self.interval_s is not None:
                late_s = self._asked_s - newest_s - self.interval_s
                # Later than this is no delay, it has stopped.
                self._lag_s = late_s if 0 < late_s < STALE_TIMES * self.interval_s else 0.0
            self.newest_s = newest_s

    def refuse_stale(self) -> None:
        """Raises: Unavailable when there has been no new sample for too long."""
        if self.newest_s is None:
            return
        silent_s = self.now_s() - self.newest_s
        if silent_s > STALE_TIMES * self.delay_s:
            every = "" if self.interval_s is None else f"; they came every {self.interval_s:.3g} s"
            raise Unavailable(f"no new sample for {silent_s:.0f} s{every}")
