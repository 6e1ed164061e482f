"""A rehearsal: everything that one run of one experiment needs, opened in order and closed in the reverse order."""

from __future__ import annotations

import contextlib
import os
import platform as machine
import secrets
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from chaos.clock import RealClock
from chaos.engine.guard import Guard
from chaos.engine.halt import HaltFile
from chaos.engine.lease import Keeper
from chaos.engine.ledger import Ledger
from chaos.engine.lock import TargetLock
from chaos.engine.session import Session
from chaos.errors import Interrupted, Unavailable
from chaos.model.event import (
    AnyEvent,
    ProbeFailed,
    RunEnded,
    RunStarted,
    TrafficEnded,
    TrafficStarted,
)
from chaos.model.journal import RunInfo
from chaos.model.lease import Lease
from chaos.model.objective import Condition
from chaos.model.plan import Plan, Window
from chaos.model.platform import Inventory, TrafficShaper
from chaos.model.sli import Source
from chaos.model.verdict import Status
from chaos.preflight.before_run import check_machine, check_target
from chaos.rehearsal.begin import (
    Options,
    invariant_environment,
    new_run_id,
    planned_faults,
    refuse_open_ledger,
    versions,
)
from chaos.rehearsal.budgets import charged_conditions, within_budget
from chaos.rehearsal.ground import Ground
from chaos.rehearsal.halted import Halts, refuse_when_halted, unwind_when_halted
from chaos.rehearsal.production import refuse_unarmed, refuse_unsafe_plan
from chaos.rehearsal.watched import watched
from chaos.state import state_dir

if TYPE_CHECKING:
    from pathlib import Path

    from chaos.load.batch import Batch
    from chaos.load.elsewhere import Running
    from chaos.model.experiment import Experiment
    from chaos.model.target import Target
    from chaos.model.verdict import Verdict
    from chaos.report.live import Watching
    from chaos.store import Recorder, Store

# After the traffic has stopped, customers who are under way may finish: as long as the most patient of them waits.
QUIET_EXTRA_S = 1.0
# After Ctrl-C nobody waits for them.
STOPPED_DRAIN_S = 0.5


class Rehearsal:
    """Use as a context manager; then `session` is open and the traffic flows. `conclude` ends and judges it.

    Raises on entering: Refused (halted, open ledger, target in use, other variant up, a fault left from before, a
    production target that is not armed), Unavailable (also by the preflight), Interrupted (halted while the target came
    up), SpecError (a plan that cannot work). Whatever was opened by then is closed again.
    """

    def __init__(
        self, experiment: Experiment, target: Target, options: Options, *,
        screen: Watching,
    ) -> None:  # fmt: skip
        self.experiment, self.target, self.options = experiment, target, options
        self.screen = screen
        self.clock = RealClock()
        self.verdict: Verdict | None = None
        self.chaostoolkit: dict[str, Any] = {}
        self.plan: Plan
        self.session: Session
        self.run_id = new_run_id()
        self.seed = options.seed if options.seed is not None else secrets.randbelow(2**31)
        self._stack = contextlib.ExitStack()
        self._traffic: Running | None = None
        self._ended = False  # the end was begun
        self._over = False  # and is on record
        self._acknowledged: list[str] = []

    def __enter__(self) -> Rehearsal:
        with contextlib.ExitStack() as opening:
            try:
                self._open(opening)
            except BaseException as cause:
                self._never_began(cause)
                raise
            self._stack = opening.pop_all()
        return self

    def _never_began(self, cause: BaseException) -> None:
        """Say so in the record, if there is one: that of a run that breaks off reads as of one that was killed."""
        session: Session | None = getattr(self, "session", None)
        if session is None:
            return
        by_hand = isinstance(cause, KeyboardInterrupt | Interrupted)
        status = Status.INTERRUPTED if by_hand else Status.ABORTED
        with contextlib.suppress(Exception):  # the cause is what is told
            self._recorder.event(RunEnded(at_s=session.at_s(), status=status.value, reason=f"it never began: {cause}"))
            self._recorder.finish(status.value)

    def interrupt(self, signal_name: str) -> None:
        """A signal arrived. Before the session is open, the signal has raised in the main thread; once the end is on
        record there is nothing left to interrupt: what was opened is being closed."""
        session: Session | None = getattr(self, "session", None)
        if session is not None and not self._over:
            session.interrupt(signal_name)

    def __exit__(self, *_: object) -> None:
        try:
            self.conclude()
            if self.chaostoolkit:
                self._store.keep_journal(self.run_id, self.chaostoolkit)
        finally:
            self._stack.close()

    # Opening --------------------------------------------------------------------------------------------------------

    def _open(self, stack: contextlib.ExitStack) -> None:
        state = state_dir()
        ledger = Ledger(state / "ledger")
        self._halts = Halts(HaltFile(state))
        refuse_when_halted(self._halts)
        armed_by = refuse_unarmed(self.target, self.options.arming, self.experiment)
        stack.enter_context(TargetLock(state / "locks", self.target.name, f"run {self.run_id}"))
        refuse_open_ledger(ledger, state / "locks")
        check_machine(state, self.options.store)
        self._keeper = Keeper(Lease(id=self.run_id), on_lost=self._lease_lost, note=self._note)
        with unwind_when_halted(self._halts):
            self._ground = stack.enter_context(self._new_ground(state))
        self.platform = self._ground.platform
        self.plan = self._make_plan(self.platform.inventory())
        check_target(self.platform, self.target, self._conditions())
        self.screen.planned(self.plan)
        self._store = stack.enter_context(self._open_store())
        self.plan = within_budget(self.plan, self.target, self._store, ignore=self.options.ignore_budget)
        self._recorder = self._start_recording(stack)
        self.t0_s = self.clock.now_s()
        self.session = self._new_session(ledger)
        self._keeper.start()
        if over := self._keeper.check():
            raise Unavailable(over)
        endpoint = self.platform.inventory().endpoint
        self.session.emit(RunStarted(at_s=0.0, pid=os.getpid(), endpoint=endpoint, t0_s=self.t0_s))
        if armed_by:
            self.session.note(f"{self.target.name} is production, armed by {armed_by}")
        self._start_traffic(stack)
        self._start_sampler(stack)
        watch = watched(self._ground.watchdog, self._traffic)
        self._guard = Guard(self.session, self._live, self.clock, watch)
        self._guard.start()
        stack.callback(self._guard.stop)
        stack.enter_context(self._ticking())

    def _new_ground(self, state: Path) -> Ground:
        return Ground(
            self.target, self.options, self.run_id, state=state, keeper=self._keeper, halts=self._halts,
            plan=self._make_plan, clean=self._clean, progress=self.screen.progress,
        )  # fmt: skip

    def _clean(self) -> bool:
        session: Session | None = getattr(self, "session", None)
        return session is None or session.clean

    def _lease_lost(self, holder: str, reason: str) -> None:
        """Before there is a session nothing is injected, and whoever waits for the target looks at the lease itself."""
        session: Session | None = getattr(self, "session", None)
        if session is not None:
            session.lease_ran_out(holder, reason)

    def _note(self, text: str) -> None:
        session: Session | None = getattr(self, "session", None)
        if session is not None:
            session.note(text)

    def _make_plan(self, inventory: Inventory) -> Plan:
        from chaos import planner
        from chaos.rehearsal.sources import sources_of

        plan = planner.plan(
            self.experiment, self.target, inventory, variant=self.options.variant, seed=self.seed,
            profile=self.options.profile, allow_undecidable=self.options.allow_undecidable,
            sources=sources_of(self.experiment, self.target, self.options.variant)[0],
        )  # fmt: skip
        refuse_unsafe_plan(self.experiment, self.target, inventory, plan)
        return plan

    def _open_store(self) -> Store:
        from chaos.store import Store

        return Store.open(self.options.store)

    def _start_recording(self, stack: contextlib.ExitStack) -> Recorder:
        info = RunInfo(
            id=self.run_id, started_at=datetime.now(UTC), experiment_text=self.experiment.text,
            target_text=self.target.text, versions=versions(), host=machine.node(), command=self.options.command,
        )  # fmt: skip
        recorder = self._store.record(info, self.plan)
        stack.callback(recorder.close)
        return recorder

    def _new_session(self, ledger: Ledger) -> Session:
        return Session(
            run_id=self.run_id, plan=self.plan, faults=planned_faults(self.plan), ground=self._acted_on, ledger=ledger,
            clock=self.clock, t0_s=self.t0_s, emit=self._emit, figures=self._figures, conclude=self._conclude_plain,
            halted=self._halts.read, keeper=self._keeper,
        )  # fmt: skip

    def _acted_on(self, fault: type) -> Any:
        """What a fault acts on: the run's traffic or the platform."""
        return self._traffic if fault.needs is TrafficShaper else self.platform  # type: ignore[attr-defined]

    def _start_traffic(self, stack: contextlib.ExitStack) -> None:
        from chaos.load.live import Live
        from chaos.rehearsal.traffic import start

        traffic = self.target.traffic
        self._live = Live(traffic, self._conditions())
        if traffic is None or self.plan.load == "none":
            return
        self._traffic = start(
            traffic, self.plan, self.options, target_path=self.target.path,
            address=self.platform.entry_address(traffic.entry), t0_s=self.t0_s,
            state_dir=state_dir() / "runs" / self.run_id, on_batch=self._on_batch, on_end=self._on_traffic_end,
            note=self.session.note,
        )  # fmt: skip
        stack.callback(self._traffic.stop, 0.0)
        self._emit(TrafficStarted(at_s=self.session.at_s(), pid=self._traffic.pid, rate=float(self.plan.rate)))

    def _start_sampler(self, stack: contextlib.ExitStack) -> None:
        from chaos.slis.sampler import Sampler

        self._sampler = Sampler(
            self._conditions() + charged_conditions(self.plan), self.target.slis, self.platform.inventory(),
            t0_s=self.t0_s, on_sample=self._on_sample, on_error=self._on_probe_error,
            server=self.target.prometheus_of(self.options.variant),
        )  # fmt: skip
        self._sampler.start()
        stack.callback(self._sampler.stop)

    def _conditions(self) -> tuple[Condition, ...]:
        return tuple(dict.fromkeys(c for w in self.plan.windows for c in w.conditions)) + self.plan.abort

    # What arrives while it runs ---------------------------------------------------------------------------------------

    def _emit(self, event: AnyEvent) -> None:
        self._recorder.event(event)
        self.screen.on_event(event)

    def _on_batch(self, batch: Batch) -> None:
        self._live.add(batch)
        self._recorder.requests(batch.finished)
        if batch.acknowledged:
            self._acknowledged.extend(batch.acknowledged)
            self._recorder.acknowledged(batch.acknowledged)

    def _on_traffic_end(self, reason: str) -> None:
        dropped = self._traffic.dropped if self._traffic is not None else 0
        self._emit(TrafficEnded(at_s=self.session.at_s(), reason=reason, dropped=dropped))
        if reason:
            self.session.fail(f"the load generator ended: {reason}")
            self.session.revert_open()

    def _on_sample(self, sample: Any) -> None:
        self._recorder.sample(sample)
        self._live.add_sample(sample)

    def _on_probe_error(self, source: str, error: str) -> None:
        self._live.add_error(source, error)
        self._emit(ProbeFailed(at_s=self.session.at_s(), source=source, error=error))

    def _figures(self, window: Window, condition: Condition) -> dict[str, Any]:
        """A condition's numbers in a window, from what is known by now; the verdict counts again from the record."""
        start_s, end_s = self.session.spans[window.index]
        if condition.source is Source.PROMQL:
            self._await_scrapes(end_s)
            if why := self._blind(condition):
                return {"value": 1.0, "bad": 0, "total": 0, "text": f"cannot be measured: {why}"}
        bad, total = self._live.between(condition, start_s, end_s)
        value = bad / total if total else 1.0
        return {"value": value, "bad": bad, "total": total, "text": f"{bad} of {total} bad"}

    def _blind(self, condition: Condition) -> str:
        """Why a source cannot be read now: then nothing is injected. Empty when it can."""
        try:
            self._live.recent(condition, 1.0)
        except Unavailable as cause:
            return str(cause)
        return ""

    def _await_scrapes(self, end_s: float) -> None:
        """Until what happened by then has been seen, also where somebody else scrapes; interruptibly."""
        now_s = self.session.at_s()
        self.clock.wait(min(end_s, now_s) + self._sampler.delay_s - now_s, self.session.stop)

    @contextlib.contextmanager
    def _ticking(self) -> Iterator[None]:
        from chaos.rehearsal.ticker import Ticker

        ticker = Ticker(self.session, self._live, self.screen)
        ticker.start()
        try:
            yield
        finally:
            ticker.stop()

    # The end ----------------------------------------------------------------------------------------------------------

    def conclude(self) -> Verdict:
        """Revert what is open, stop the traffic, check the invariants, complete the record, judge it. Idempotent."""
        if not self._ended:
            self._ended = True
            self._end()
        if self.verdict is None:
            from chaos.judge import judge

            self.verdict = judge(self._store.read(self.run_id))
            self._store.save_verdict(self.verdict)
            self._store.series(self.run_id)  # second by second, kept for whoever looks later
        return self.verdict

    def _end(self) -> None:
        """The record is complete after this, whatever fails on the way."""
        session = self.session
        try:
            session.revert_open()
            # What could not be reverted goes by itself now, where the target lives.
            self._keeper.close(clean=session.clean)
            self._guard.stop()
            if self._traffic is not None:
                stopped = session.stop.is_set()
                self._traffic.stop(STOPPED_DRAIN_S if stopped else float(self.plan.patience) + QUIET_EXTRA_S)
            self._await_scrapes(max((end_s for _, end_s in session.spans.values()), default=0.0))
            self._sampler.stop()
            for note in self._sampler.notes:
                session.note(note)
            if not session.stop.is_set():
                self._check_invariants()
        except Exception as cause:
            session.fail(f"the run could not be ended properly: {type(cause).__name__}: {cause}")
            raise
        finally:
            self._over = True
            session.emit(RunEnded(at_s=session.at_s(), status=session.status.value, reason=session.reason))
            self._recorder.finish(session.status.value)

    def _conclude_plain(self) -> dict[str, Any]:
        verdict = self.conclude()
        return {"status": verdict.exit_code, "outcome": verdict.outcome.value, "reasons": list(verdict.reasons)}

    def _check_invariants(self) -> None:
        from chaos.slis.invariants import check

        sql, env = self.platform.inventory().sql, invariant_environment(self.target)
        for invariant in self.target.invariants:
            if self.session.stop.is_set():
                return
            event = check(
                invariant, sql=sql, acknowledged=self._acknowledged,
                resolve=lambda text: self.platform.fill(text, where="invariants"), env=env, at_s=self.session.at_s,
                stop=self.session.stop,
            )  # fmt: skip
            self._emit(event)
