"""What runs without a fault taught about a target: its noise, false alarms, and what its traffic can show how soon."""

from __future__ import annotations

from chaos.model.base import Noun
from chaos.units import Duration


class Detection(Noun):
    """How soon a harm is certain, at the target's own traffic and noise. None: not within what was simulated."""

    harm: str  # `everything fails`, `10 times the budget`
    median_s: float | None
    p95_s: float | None


class SliNoise(Noun):
    """One objective over all the windows of all the runs. Rates are shares of the samples."""

    condition: str
    budget: float
    bad: int
    total: int
    per_s: float  # samples a second
    low: float | None = None  # the exact 95 % interval of the bad share
    high: float | None = None
    # Variance of the bad of a quarter of a second over that of independent ones: 1 is independent, 5 bursts of about
    # five. None without a bad sample, which says nothing about bursts.
    dispersion: float | None = None
    value: float | None = None  # a percentile, seconds
    window_to_hold_s: float | None = None  # so long a window is held 19 times in 20; None: never, at its usual noise
    window_to_compare_s: float | None = None  # so long a window shows a percentile 1.5 times as slow
    detections: tuple[Detection, ...] = ()


class Calibration(Noun):
    """`planned` runs were asked for, and those in `runs` were completed. An alarm is any condition of any window that
    was called deviated, whatever the outcome of the run."""

    target: str
    variant: str
    platform: str
    load: str
    window: Duration  # each of before, during and after
    planned: int
    runs: tuple[str, ...]
    held: int
    deviated: int
    inconclusive: int
    alarms: tuple[str, ...]  # `20261125-...: after 1: pages.p99 < 2s`
    alarmed: int  # runs with at least one
    alarm_rate_at_most: float  # what so many runs prove, with 95 %
    unsteady: int  # runs whose objectives were not met before the placebo
    late: int  # runs whose generator was late or sent too little
    requests: int = 0
    lag_p99_s: float | None = None
    autocorrelation: float | None = None  # of the mean log-latency of one second and the next
    objectives: tuple[SliNoise, ...] = ()
    interrupted: str = ""  # why it ended before all runs were done
    by_hand: bool = False  # by a person or a signal

    @property
    def exit_code(self) -> int:
        """1: something was called deviated although nothing was done. 2: no run could have shown it, because the
        generator was late in all of them, or nothing was measured of an objective. 130 is Ctrl-C."""
        if self.alarmed:
            return 1
        if self.by_hand:
            return 130
        return 0 if len(self.runs) > self.late and not self.unmeasured else 2

    @property
    def unmeasured(self) -> tuple[str, ...]:
        """The objectives without a sample."""
        return tuple(each.condition for each in self.objectives if not each.total)
