"""The verdict's own tests while a window lasts: one trial for each condition of it.

A trial never runs ahead of the judge. Bins that can change no more are fed to the martingale for good; those with
requests under way, for the moment only and with all of these as good ones, which makes E smaller than it can turn out.
So once a trial says *deviated*, the judge will find so in the record.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Protocol

from chaos.model.objective import ANY
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


class Trial:
    """One condition in one window. `bad` of `total` are its counts so far, the last moments left out."""

    def __init__(self, condition: Condition, start_s: float) -> None:
        self.condition = condition
        self.start_s = start_s
        self.bad = self.total = 0
        self.since_s: float | None = None  # when the first bad one began
        self._settled = Martingale(condition.budget)
        self._now = self._settled
        self._fed = self._bad = self._total = 0

    def look(self, measured: Measured) -> None:
        """Take in what is new. Raises: whatever measuring raises."""
        found = measured.evidence(self.condition, self.start_s, self._fed)
        now: Martingale | None = None
        sure, bad, total = (column.tolist() for column in (found.surely_bad, found.bad, found.total))
        for index, each in enumerate(zip(sure, bad, total, strict=True), start=found.first):
            if index < found.settled:
                self._settled.add(each[0], each[2])
                self._bad, self._total, self._fed = self._bad + each[1], self._total + each[2], index + 1
            else:
                now = now or self._settled.copy()
                now.add(each[0], each[2])
            if each[0] and self.since_s is None:
                self.since_s = self.start_s + index * BIN_S
        self._now = now or self._settled
        left = self._fed - found.first
        self.bad, self.total = self._bad + sum(sure[left:]), self._total + sum(total[left:])

    def deviated(self, e_needed: float) -> bool:
        """Whether it is certain: E has reached m / alpha."""
        return self._now.reached(e_needed)

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


def aborts(abort_deviated: tuple[str, ...], condition: Condition) -> bool:
    """Is it one of those whose deviation ends the run?"""
    return ANY in abort_deviated or condition.key in abort_deviated
