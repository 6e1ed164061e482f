"""One run while it lasts: what the Chaos Toolkit's engine calls, and what a signal or the guard stops.

The order is always the same: intent on disk -> inject -> confirm -> wait, interruptibly -> revert in `finally`. The
stop flag is looked at under the same lock that injects, so nothing is injected after somebody asked to stop.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from chaos import faults
from chaos.clock import Clock
from chaos.engine.identity import Runner
from chaos.engine.lease import Keeper
from chaos.engine.ledger import Entry, Ledger
from chaos.engine.revert import revert_all
from chaos.errors import SaleproofError
from chaos.model.event import (
    AnyEvent,
    FaultConfirmed,
    FaultFailed,
    FaultInjected,
    FaultIntended,
    FaultStuck,
    GuardBreached,
    GuardBroken,
    Halted,
    LeaseExpired,
    Noted,
    SignalReceived,
    WindowEnded,
    WindowStarted,
)
from chaos.model.fault import Evidence, Undo
from chaos.model.halt import Halt
from chaos.model.objective import Condition
from chaos.model.plan import Plan, PlannedFault, PlannedStep, Window
from chaos.model.verdict import Status

# Probes are light, and a target has tens of proxies, not hundreds.
CONFIRM_AT_ONCE = 8


class Stopped(SaleproofError):
    """The run was asked to stop: by the guard, a signal, a halt, or a fault that could not be injected."""


@dataclass
class _Ending:
    """Why a window did not last its length; all empty when it did."""

    cut: str = ""
    decided: str = ""
    settled_s: float | None = None


@dataclass(kw_only=True)
class Session:
    """`emit` records an event and returns once it is durable where that matters. `ground` gives each fault what it
    needs: the platform, or the traffic."""

    run_id: str
    plan: Plan
    faults: dict[str, Any]  # PlannedFault.id -> the fault itself
    ground: Callable[[type], Any]
    ledger: Ledger
    clock: Clock
    t0_s: float
    emit: Callable[[AnyEvent], None]
    figures: Callable[[Window, Condition], dict[str, Any]]
    conclude: Callable[[], dict[str, Any]]
    keeper: Keeper | None = None  # of the faults' lease; None: nobody keeps one
    halted: Callable[[], Halt | None] = lambda: None  # is this machine, or the target, halted? Never raises
    stop: threading.Event = field(default_factory=threading.Event)
    status: Status = Status.COMPLETED
    reason: str = ""
    window: Window | None = None  # the one that is passing now
    _ending: _Ending | None = None  # why the one that is passing now may end, once it may
    _wake: threading.Event = field(default_factory=threading.Event)  # asked to stop, or the window may end
    _lock: threading.RLock = field(default_factory=threading.RLock)
    # Not `_lock`, which an injection holds for as long as it takes.
    _deciding: threading.Lock = field(default_factory=threading.Lock)
    _open: dict[tuple[str, str], Entry] = field(default_factory=dict)
    stuck: list[FaultStuck] = field(default_factory=list)
    spans: dict[int, tuple[float, float]] = field(default_factory=dict)  # window -> from, to; seconds of the run
    method_began: bool = False

    def at_s(self) -> float:
        """Seconds since the run's start."""
        return self.clock.now_s() - self.t0_s

    # Stopping -------------------------------------------------------------------------------------------------------

    def interrupt(self, signal_name: str) -> None:
        """A person or a signal ends the run. Called from the thread that reads signals, never inside a handler."""
        self._end(Status.INTERRUPTED, f"{signal_name} received")
        self.emit(SignalReceived(at_s=self.at_s(), signal=signal_name))

    def abort(self, event: GuardBreached | GuardBroken) -> None:
        """The guard ends the run and does not wait for the main thread: it reverts at once, itself."""
        if self._lease_over():
            return  # whoever slept sees a stranger's world: what it looks like is not the shop's doing
        what = event.value if isinstance(event, GuardBreached) else event.error
        self._end(Status.ABORTED, f"{event.condition}: {what}")
        self.emit(event)
        self.revert_open()

    def look_for_halt(self) -> None:
        """Has somebody halted this machine, or the target? Then the run ends as by a person, and is reverted here."""
        halt = None if self.stop.is_set() else self.halted()
        if halt is not None:
            self._end(Status.INTERRUPTED, str(halt))
            self.emit(Halted(at_s=self.at_s(), by=halt.by, since=halt.since, reason=halt.reason))
            self.revert_open()

    def fail(self, reason: str) -> None:
        """The run cannot go on, for a reason of its own."""
        if not self._lease_over():
            self._end(Status.ABORTED, reason)

    def lease_ran_out(self, holder: str, reason: str) -> None:
        """The faults were taken back where the target lives, because the runner was not heard of: it injects nothing
        more, and says so of each fault that is gone. Called once, from whichever thread noticed."""
        self._end(Status.ABORTED, reason)
        self.emit(LeaseExpired(at_s=self.at_s(), holder=holder, reason=reason))
        with self._lock:
            for (fault, place), entry in self._open.items():
                if getattr(type(self.faults[fault]), "lasts", True) and self._gone(entry):
                    evidence = Evidence(confirmed=False, text=reason)
                    self.emit(FaultConfirmed(at_s=self.at_s(), fault=fault, place=place, evidence=evidence))
        self.revert_open()

    def _lease_over(self) -> str:
        """Why; empty when it is not."""
        return "" if self.keeper is None else self.keeper.check()

    def _end(self, status: Status, reason: str) -> None:
        if not self.stop.is_set():
            self.status, self.reason = status, reason
            self.stop.set()
            self._wake.set()

    # Windows --------------------------------------------------------------------------------------------------------

    def wait(self, seconds: float) -> None:
        """Wait, interruptibly. Raises: Stopped, also when it took longer because the runner itself was stopped."""
        if self.clock.wait(seconds, self.stop):
            raise Stopped(self.reason)
        if over := self._lease_over():
            raise Stopped(over)

    def decided(self, window: Window, why: str, settled_s: float | None = None) -> None:
        """All of that window is certain, so it need not last its longest; from any thread. `settled_s`: every condition
        is held, by what had begun by then. Does nothing when the window has ended meanwhile."""
        with self._deciding:
            if self.window is window and self._ending is None:
                self._ending = _Ending(decided=why, settled_s=settled_s)
                self._wake.set()

    def measure(self, window: Window) -> None:
        """Let one window pass. Raises: Stopped; then the window is recorded as cut."""
        with self._window(window) as ending:
            ending.cut = "the run was stopped"
            self._pass(float(window.length), ending)
            ending.cut = ""

    def _pass(self, seconds: float, ending: _Ending) -> bool:
        """Wait in a window; True when it is to end now, because all is decided. Raises: Stopped, as `wait` does."""
        self.clock.wait(seconds, self._wake)
        self.wait(0.0)
        if self._ending is None:
            return False
        ending.decided, ending.settled_s = self._ending.decided, self._ending.settled_s
        return True

    @contextlib.contextmanager
    def _window(self, window: Window) -> Iterator[_Ending]:
        """Record a window's start and end, whatever ends it; `cut` says why it is not whole."""
        ending, began_s = _Ending(), self.at_s()
        with self._deciding:
            self._ending = None
            self._wake.clear()
            if self.stop.is_set():
                self._wake.set()
        self.spans[window.index] = (began_s, float("inf"))
        self.window = window
        self.emit(WindowStarted(at_s=began_s, window=window.index))
        try:
            yield ending
        finally:
            ended_s = self.at_s()
            self.spans[window.index] = (began_s, ended_s)
            self.window = None
            self.emit(
                WindowEnded(
                    at_s=ended_s, window=window.index, cut=ending.cut, decided=ending.decided,
                    settled_s=ending.settled_s,
                )
            )  # fmt: skip

    # Faults ---------------------------------------------------------------------------------------------------------

    def run_step(self, step: PlannedStep) -> list[dict[str, Any]]:
        """One method step, whole: inject, confirm, let the window pass, revert. Returns what was confirmed, as plain
        data. Raises: Stopped; a fault that could not be injected."""
        self.method_began = True
        if step.wait is not None:
            self.wait(float(step.wait))
            return []
        window = next(w for w in self.plan.windows if w.phase == "during" and w.step == step.index)
        evidence: list[dict[str, Any]] = []
        try:
            # All that takes time and changes nothing comes first, on the undisturbed target: the window begins with
            # the first injection, so that the harm of injecting is inside it, and the faults are on for all of it.
            prepared = {fault.id: self._prepare_all(fault) for fault in step.faults}
            began_s = self.clock.now_s()
            with self._window(window) as ending:
                ending.cut = "the fault could not be injected"
                for fault in step.faults:
                    # Each is confirmed before the next goes on: through a killed database no latency can be measured.
                    for place, undo in prepared[fault.id]:
                        self._inject(fault, place, undo)
                    evidence += self._confirm_all(fault, prepared[fault.id])
                ending.cut = "the run was stopped"
                self._hold(step, window, began_s, ending)
                ending.cut = ""
        finally:
            self.revert_open()
        return evidence

    def _hold(self, step: PlannedStep, window: Window, began_s: float, ending: _Ending) -> None:
        """Keep the step's faults on, each for its own duration. Faults that are shorter than the longest go first."""
        on = list(step.faults)
        for ends_s in sorted({float(fault.duration) for fault in step.faults}):
            if self._pass(began_s + ends_s - self.clock.now_s(), ending):
                self._look_again(on)
                return
            over = [fault for fault in on if float(fault.duration) <= ends_s]
            self._look_again(over)
            on = [fault for fault in on if fault not in over]
            if ends_s < float(window.length):
                self.revert_open(only={fault.id for fault in over})

    def _look_again(self, over: Iterable[PlannedFault]) -> None:
        """At the end of its time, is a fault still there? One that went away by itself (its proxy was restarted, say)
        did not bite for as long as the window says, and that must not read as a pass."""
        for fault in over:
            if not getattr(type(self.faults[fault.id]), "lasts", True):
                continue
            for place in fault.places:
                entry = self._open.get((fault.id, place))
                gone = self._gone(entry) if entry is not None else ""
                if gone:
                    evidence = Evidence(confirmed=False, text=gone)
                    self.emit(FaultConfirmed(at_s=self.at_s(), fault=fault.id, place=place, evidence=evidence))

    @staticmethod
    def _gone(entry: Entry) -> str:
        """Why the fault cannot be counted on; empty when it is there."""
        try:
            return "" if faults.is_present(entry.undo) else "it was gone before its end"
        except Exception as cause:
            return f"at its end nobody could say whether it was still there: {cause}"

    def _prepare_all(self, fault: PlannedFault) -> list[tuple[str, Undo]]:
        """Every place of one fault with its undo record, under the lease. Raises: Stopped, and whatever preparing
        raised, after recording it."""
        with ThreadPoolExecutor(max_workers=CONFIRM_AT_ONCE, thread_name_prefix="prepare") as pool:
            return list(pool.map(lambda place: (place, self._prepare(fault, place)), fault.places))

    def _prepare(self, fault: PlannedFault, place: str) -> Undo:
        if over := self._lease_over():
            raise Stopped(over)
        if self.stop.is_set():
            raise Stopped(self.reason)
        body = self.faults[fault.id]
        try:
            undo: Undo = body.prepare(place, self.ground(type(body)))
            return undo if self.keeper is None else self.keeper.hold(undo)
        except Exception as cause:
            self.emit(FaultFailed(at_s=self.at_s(), fault=fault.id, place=place, error=f"before injecting: {cause}"))
            raise

    def _inject(self, fault: PlannedFault, place: str, undo: Undo) -> None:
        """Raises: Stopped, and whatever the injection raised, after recording it."""
        body = self.faults[fault.id]
        ground = self.ground(type(body))
        with self._lock:
            if over := self._lease_over():
                raise Stopped(over)
            self.look_for_halt()
            if self.stop.is_set():
                raise Stopped(self.reason)
            entry = Entry(
                run=self.run_id, fault=fault.id, place=place, target=self.plan.target, undo=undo, text=fault.text,
                opened_at=self.clock.utc().isoformat(), pid=os.getpid(), runner=Runner.mine(),
            )  # fmt: skip
            self.ledger.open(entry)
            self._open[(fault.id, place)] = entry
            self.emit(FaultIntended(at_s=self.at_s(), fault=fault.id, place=place, undo=undo))
            started_s = self.clock.now_s()
            try:
                body.inject(undo, ground)
            except Exception as cause:
                self.emit(FaultFailed(at_s=self.at_s(), fault=fault.id, place=place, error=str(cause)))
                raise
            took_s = self.clock.now_s() - started_s
            self.emit(FaultInjected(at_s=self.at_s(), fault=fault.id, place=place, took_s=took_s))

    def _confirm_all(self, fault: PlannedFault, injected: list[tuple[str, Undo]]) -> list[dict[str, Any]]:
        """All places of one fault at the same time: one after the other would take up the fault's own duration."""
        with ThreadPoolExecutor(max_workers=CONFIRM_AT_ONCE, thread_name_prefix="confirm") as pool:
            return list(pool.map(lambda each: self._confirm(fault, *each), injected))

    def _confirm(self, fault: PlannedFault, place: str, undo: Undo) -> dict[str, Any]:
        """Measure whether it bit. A confirmation that breaks is a fault that was not confirmed, never a pass."""
        body = self.faults[fault.id]
        try:
            evidence = body.confirm(undo, self.ground(type(body)))
        except Exception as cause:
            evidence = Evidence(confirmed=False, text=f"could not be measured: {cause}")
        self.emit(FaultConfirmed(at_s=self.at_s(), fault=fault.id, place=place, evidence=evidence))
        return {"fault": fault.id, "place": place, "confirmed": evidence.confirmed, "evidence": evidence.text}

    def revert_open(self, only: set[str] | None = None) -> None:
        """Take back what is in place (all of it, or the named faults). Safe from any thread; waits for an injection
        that is under way. What cannot be reverted stays in the ledger and in `stuck`."""
        with self._lock:
            # What was stuck once had its tries; the watchdog and `recover` try it again, this run does not wait for it.
            tried = {(s.fault, s.place) for s in self.stuck}
            entries = [e for k, e in self._open.items() if k not in tried and (only is None or e.fault in only)]
            stuck = revert_all(self.ledger, entries, by="runner", at_s=self.at_s, emit=self.emit)
            self.ledger.told(self.run_id)
            self.stuck.extend(stuck)
            left = {(s.fault, s.place) for s in self.stuck}
            for key in [k for k in self._open if k not in left and (only is None or k[0] in only)]:
                self._open.pop(key)
        if stuck:
            self.fail(f"{stuck[0].place}: a fault could not be reverted: {stuck[0].error}")

    @property
    def clean(self) -> bool:
        """Nothing of this run's is in place."""
        with self._lock:
            return not self._open

    def note(self, text: str) -> None:
        """Record something worth knowing. Never raises."""
        with contextlib.suppress(Exception):
            self.emit(Noted(at_s=self.at_s(), text=text))
