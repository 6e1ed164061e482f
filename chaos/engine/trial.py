"""The verdict's own tests while a window lasts: one trial for each condition of it.

A trial never runs ahead of the judge. Bins that can change no more are fed to the martingale for good; those with
requests under way, for the moment only and with all of these as good ones, which makes E smaller than it can turn out.
So once a trial says *deviated*, the judge will find so in the record. *Held* is said of what can change no more alone.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Protocol

from chaos.model.objective import ANY
from chaos.stats.early import holds_early
from chaos.stats.sequential import BIN_S, Martingale

if TYPE_CHECKING:
    from chaos.engine.session import Session
    from chaos.model.evidence import Evidence
    from chaos.model.objective import Condition
    from chaos.model.plan import Window


class Measured(Protocol):
    """What trials ask of the measurements."""

    def evidence(self, condition: Condition, start_s: float, first: int = 0) -> Evidence:
        """Of a window that began at `start_s`, from its quarter of a second number `first` on."""

    def lag_s(self, start_s: float) -> float:
        """How late the generator was since then, its p99; seconds."""


class Trial:
    """One condition in one window. `bad` of `total` are its counts so far, the last moments left out."""

    def __init__(self, condition: Condition, start_s: float) -> None:
        self.condition = condition
        self.start_s = start_s
        self.bad = self.total = 0
        self.since_s: float | None = None  # when the first bad one began
        self._settled = Martingale(condition.budget)
        self._now = self._settled
        # Of the window's first so many bins, which can change no more.
        self._bads, self._totals = [0], [0]
        self.trouble = ""

    @property
    def settled(self) -> int:
        """So many bins of the window can change no more."""
        return len(self._bads) - 1

    def look(self, measured: Measured) -> None:
        """Take in what is new. Raises: whatever measuring raises."""
        found = measured.evidence(self.condition, self.start_s, self.settled)
        now: Martingale | None = None
        sure, bad, total = (column.tolist() for column in (found.surely_bad, found.bad, found.total))
        for index, each in enumerate(zip(sure, bad, total, strict=True), start=found.first):
            if index < found.settled:
                self._settled.add(each[0], each[2])
                self._bads.append(self._bads[-1] + each[1])
                self._totals.append(self._totals[-1] + each[2])
            else:
                now = now or self._settled.copy()
                now.add(each[0], each[2])
            if each[0] and self.since_s is None:
                self.since_s = self.start_s + index * BIN_S
        self._now = now or self._settled
        left = self.settled - found.first
        self.bad, self.total = self._bads[-1] + sum(sure[left:]), self._totals[-1] + sum(total[left:])
        self.trouble = found.trouble

    def deviated(self, e_needed: float) -> bool:
        """Whether it is certain: E has reached m / alpha."""
        return self._now.reached(e_needed)

    def held(self, bins: int) -> bool:
        """Whether that is certain from the window's first so many bins, all of them settled."""
        return holds_early(self._bads[bins], self._totals[bins], self.condition.budget)

    def said(self, e_needed: float) -> str:
        """What makes it certain, for people and for the record."""
        e_value = math.exp(min(self._now.log_largest, 709.0))
        since = "" if self.since_s is None else f" since {self.since_s:.2f} s"
        return f"{self.bad} of {self.total} bad{since}; E = {e_value:.3g}, {e_needed:.4g} needed"


class Trials:
    """Those of the window that passes now. Nothing is tested before the first fault, where nothing can deviate."""

    def __init__(self, session: Session, measured: Measured) -> None:
        self._session, self._measured = session, measured
        self._window: Window | None = None
        self._open: tuple[Trial, ...] = ()

    def look(self) -> tuple[Trial, ...]:
        """Take in what is new. Raises: whatever measuring raises."""
        window = self._session.window
        if window is not self._window:
            self._window, self._open = window, ()
            if window is not None and window.phase != "before":
                start_s, _ = self._session.spans[window.index]
                # What compares with before is judged when its window is over.
                now = (condition for condition in window.conditions if condition.tolerance is None)
                self._open = tuple(Trial(condition, start_s) for condition in now)
        for trial in self._open:
            trial.look(self._measured)
        return self._open

    def decide(self, trials: tuple[Trial, ...], e_needed: float) -> None:
        """Let the window end that these are of, when all is certain and it need not last its longest."""
        window, plan = self._window, self._session.plan
        if window is None or window.least is None or not trials:
            return
        for trial in trials:
            if trial.deviated(e_needed):
                self._session.decided(window, f"{trial.condition.text} deviated")
                return
        if len(trials) < len(window.conditions):
            return  # what is compared with the time before the fault takes the whole window
        bins = min(trial.settled for trial in trials)
        start_s = trials[0].start_s
        long_enough = self._session.at_s() - start_s >= float(window.least)
        certain = long_enough and all(trial.held(bins) and not trial.trouble for trial in trials)
        if certain and self._measured.lag_s(start_s) <= plan.lag_limit_s:
            self._session.decided(window, "every objective is held", start_s + bins * BIN_S)


def aborts(abort_deviated: tuple[str, ...], condition: Condition) -> bool:
    """Is it one of those whose deviation ends the run?"""
    return ANY in abort_deviated or condition.key in abort_deviated
