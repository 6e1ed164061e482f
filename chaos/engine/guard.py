"""The guard: the abort conditions, watched all the time by a thread that a blocked step cannot block.

Checks at once and then every 250 ms. A condition counts when it was true without a break for its `for`. A guard that
cannot measure aborts too: an experiment nobody watches is not one.

`deviated` among the conditions is the verdict's own sequential test, fed while the window lasts, with the alpha and the
m of the verdict: what it aborts for the judge calls *deviated*, and it does so wrongly in at most one run of a hundred.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Protocol

from chaos.clock import Clock
from chaos.engine.session import Session
from chaos.engine.trial import Measured, Trials, aborts
from chaos.model.event import GuardBreached, GuardBroken
from chaos.model.objective import Condition, Op
from chaos.model.sli import Shape, Source
from chaos.stats.sequential import needed
from chaos.units import Duration

PERIOD_S = 0.25
# The span that "now" means. One second holds enough customers at any rate worth rehearsing, and is short to react.
SPAN_S = 1.0
# Fewer samples than this in the span say nothing: one bad request of three is not an error rate of 33 %. A gauge is
# read only once or twice a second, and one reading is one.
LEAST = 5
LEAST_READINGS = 1


class Recent(Measured, Protocol):
    """What the guard asks of the measurements."""

    def recent(self, condition: Condition, span_s: float) -> tuple[int, int]:
        """Bad and total of what was decided in the last so many seconds (a pending request is decided once it is too
        old to be good). Raises: anything, when it cannot measure."""


class Guard:
    """`watch` are further things that must be true, each a name and a test: the generator lives, the watchdog lives."""

    def __init__(
        self, session: Session, recent: Recent, clock: Clock, watch: dict[str, Callable[[], bool]] | None = None
    ) -> None:
        self._session = session
        self._recent = recent
        self._clock = clock
        self._watch = watch or {}
        self._since: dict[str, float] = {}
        self._trials = Trials(session, recent)
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, name="guard", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._end.set()
        if self._thread is not threading.current_thread():
            self._thread.join(timeout=10)

    def _run(self) -> None:
        due_s = self._clock.now_s()
        while not self._end.is_set() and not self._session.stop.is_set():
            self.check()
            # A fixed rate: a slow check must not push the next one back.
            due_s = max(due_s + PERIOD_S, self._clock.now_s())
            self._end.wait(max(0.0, due_s - self._clock.now_s()))

    def check(self) -> None:
        """Look once at everything. Aborts the session on the first breach, and ends it when this machine is halted."""
        self._session.look_for_halt()
        if self._session.stop.is_set():
            return
        for name, alive in self._watch.items():
            if not alive():
                self._session.abort(
                    GuardBroken(at_s=self._session.at_s(), condition=name, error="it is gone, or hangs")
                )
                return
        if not self._conditions():
            self._tests()

    def _conditions(self) -> bool:
        """Has one of the abort conditions ended the run?"""
        for condition in self._session.plan.abort:
            try:
                bad, total = self._recent.recent(condition, SPAN_S)
            except Exception as cause:
                return self._blind(condition.text, cause)
            if self._breached(condition, bad, total):
                when = "the newest scrapes" if condition.source is Source.PROMQL else f"the last {Duration(SPAN_S)}"
                seen = f"{bad} of {total} bad in {when}"
                if condition.shape is Shape.GAUGE:
                    seen = f"true of {total - bad} of the last {total} readings"
                held = f", for {condition.hold}" if condition.hold else ""
                self._abort(condition.text, seen + held)
                return True
        return False

    def _tests(self) -> None:
        """End the run when a sentence has deviated of which the plan says so, and a window when it is all certain."""
        plan = self._session.plan
        if not plan.abort_deviated and all(window.least is None for window in plan.windows):
            return
        try:
            trials = self._trials.look()
        except Exception as cause:
            # Who only wants to save time loses nothing but that: the window lasts its longest.
            if plan.abort_deviated:
                self._blind("deviated", cause)
            return
        e_needed = needed(plan.tests, plan.alpha)
        for trial in trials:
            if aborts(plan.abort_deviated, trial.condition) and trial.deviated(e_needed):
                self._abort(f"{trial.condition.text} deviated", trial.said(e_needed))
                return
        self._trials.decide(trials, e_needed)

    def _abort(self, condition: str, seen: str) -> None:
        self._session.abort(GuardBreached(at_s=self._session.at_s(), condition=condition, value=seen))

    def _blind(self, condition: str, cause: Exception) -> bool:
        self._session.abort(
            GuardBroken(at_s=self._session.at_s(), condition=condition, error=f"cannot be measured: {cause}")
        )
        return True

    def _breached(self, condition: Condition, bad: int, total: int) -> bool:
        now_s = self._clock.now_s()
        if condition.shape is Shape.GAUGE:
            # A reading is counted as bad that does not meet its sentence, and here the sentence says what is too bad.
            bad = total - bad
        least = LEAST_READINGS if condition.shape is Shape.GAUGE else LEAST
        if total < least or not beyond(condition, bad / total):
            self._since.pop(condition.text, None)
            return False
        since_s = self._since.setdefault(condition.text, now_s)
        return now_s - since_s >= float(condition.hold)


def beyond(condition: Condition, fraction: float) -> bool:
    """Is a bad fraction beyond an abort condition? `error-rate >= 25%` includes the 25 %, `availability <= 75%` too."""
    return fraction >= condition.budget if condition.op in (Op.GE, Op.LE) else fraction > condition.budget
