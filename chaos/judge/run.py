"""The whole run: every condition in every window, the faults, the invariants, the guard; one outcome, one exit code.

Combined in one order: a fault still in place > deviated > inconclusive > held, which means:

- *deviated*: a violated invariant; or a condition that deviated in a window during or after, if the shop was steady
  before. A guard's abort is a status with its own exit code, not an outcome.
- *inconclusive*: anything that is missing or broken, unless deviated: a window that was cut, a fault that was not
  injected or did not bite, an invariant that could not be checked, a probe or a generator that failed, a checker that
  raised. Also when the shop was not steady before: what came later then says nothing about the fault.
  A recovery that surely took longer than the experiment allows is one, too, though the window after it was held.
- *held*: everything else, which is to say that every condition was proven in every window.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import TypeVar

import chaos
from chaos.judge import budgets, customers
from chaos.judge.chaostoolkit import CHAOSTOOLKIT, judge_chaostoolkit
from chaos.judge.check import check
from chaos.judge.compare import compare
from chaos.judge.faults import Faults, faults
from chaos.judge.generator import backwards, lag_p99_s, late, notes, short
from chaos.judge.recoveries import recoveries
from chaos.judge.scrapes import unscraped
from chaos.judge.spans import Span, spans
from chaos.judge.words import allowed
from chaos.model.counting import impossible
from chaos.model.event import GuardBreached, GuardBroken, InvariantChecked, ProbeFailed, RunEnded
from chaos.model.evidence import given_back
from chaos.model.journal import Journal
from chaos.model.objective import Condition
from chaos.model.sli import Source
from chaos.model.verdict import Check, InvariantReport, Outcome, Recovery, Status, Verdict, WindowReport, exit_code
from chaos.stats.sequential import needed

T = TypeVar("T")


def judge(journal: Journal) -> Verdict:
    """Pure and deterministic: the same journal gives the same verdict, bit for bit. Never raises for a strange record:
    what cannot be judged is inconclusive, and says why."""
    if journal.plan.platform == CHAOSTOOLKIT:
        return _by_the_engine(journal)
    journal = dataclasses.replace(journal, requests=journal.requests.by_start())
    broken: list[str] = []
    nothing: tuple[Span, ...] = ()
    windows = _tried("the windows", broken, spans, nothing, journal)
    fate = _tried("the faults", broken, faults, Faults(), journal, windows)
    generator: list[str] = []
    checks = _checks(journal, windows, fate, generator)
    no_times: tuple[Recovery, ...] = ()
    times = _tried("the recovery times", broken, recoveries, no_times, journal, windows, fate, checks)
    invariants = _invariants(journal)
    guard = _guard(journal)
    status, ended = _status(journal)
    if guard and status is Status.COMPLETED:
        status = Status.ABORTED

    unsteady = [c for c in checks if c.phase == "before" and c.outcome is not Outcome.HELD]
    deviated = sorted(
        (c for c in checks if c.outcome is Outcome.DEVIATED), key=lambda c: (c.decided_at_s or 0.0, c.window)
    )
    violated = [f"{i.name}: {i.text}" for i in invariants if i.outcome is Outcome.DEVIATED]
    against = violated + ([] if unsteady else [_reason(c) for c in deviated])
    judged = any(c.phase != "before" for c in checks)
    doubts = [
        *dict.fromkeys(generator),
        *_unsteady(unsteady),
        *(_reason(c) for c in unsteady),
        *broken,
        *fate.problems,
        *(_reason(c) for c in checks if c.outcome is Outcome.INCONCLUSIVE and c.phase != "before"),
        *(f"{i.name}: {i.text}" for i in invariants if i.outcome is Outcome.INCONCLUSIVE),
        *(f"{r.window}: {r.condition}: {r.text}" for r in times if r.late),
        *([_reason(c) for c in deviated] if unsteady else []),
        *([] if judged else ["no condition was to be judged during or after a fault"]),
    ]
    outcome = Outcome.HELD
    if against:
        outcome = Outcome.DEVIATED
    elif doubts or guard or fate.stuck or status is not Status.COMPLETED:
        outcome = Outcome.INCONCLUSIVE
    verb = "crashed" if status is Status.CRASHED else f"was {status.value}"
    ending = [] if status in (Status.COMPLETED, Status.ABORTED) else [f"the run {verb}: {ended}".rstrip(": ")]
    aborted = guard or ([f"the run was aborted: {ended}".rstrip(": ")] if status is Status.ABORTED else [])
    reasons = [*fate.stuck, *ending, *against, *aborted, *doubts] or [_all_held(checks)]
    hit, everyone = _customers(journal, customers.affected, journal.requests)
    hit_during, there_during = _customers(journal, customers.during, fate.spans)
    charged, dues = _tried("the error budgets", [], budgets.charged, budgets.NOTHING, journal)
    return Verdict(
        run=journal.run.id,
        status=status,
        outcome=outcome,
        exit_code=_exit_code(status, outcome, stuck=bool(fate.stuck), by_guard=_breached(journal)),
        reasons=tuple(dict.fromkeys(reasons)),
        checks=checks,
        windows=tuple(_lasted(span) for span in windows if span.began),
        faults=fate.reports,
        invariants=invariants,
        recoveries=times,
        customers=everyone,
        customers_affected=hit,
        customers_during=there_during,
        customers_affected_during=hit_during,
        charges=charged,
        slas=dues,
        requests=len(journal.requests),
        generator_lag_p99_s=None if journal.plan.traffic_by else lag_p99_s(journal.requests),
        notes=notes(journal.plan),
        judged_with=chaos.__version__,
    )


def _customers(journal: Journal, count: Callable[..., tuple[int, int]], of: object) -> tuple[int, int]:
    """(how many felt it, how many there were); zeros where another engine sends requests that are nobody's."""
    return (0, 0) if journal.plan.traffic_by else _tried("the customers", [], count, (0, 0), journal, of)


def _lasted(span: Span) -> WindowReport:
    longest_s = float(span.window.length)
    saved_s = max(0.0, longest_s - span.length_s) if span.decided else 0.0
    return WindowReport(
        window=span.window.name, longest_s=longest_s, lasted_s=span.length_s, decided=span.decided, saved_s=saved_s
    )


def _by_the_engine(journal: Journal) -> Verdict:
    """A plain Chaos Toolkit experiment: there is only its engine's journal to judge."""
    status, outcome, code, reasons = judge_chaostoolkit(journal.chaostoolkit)
    return Verdict(
        run=journal.run.id, status=status, outcome=outcome, exit_code=code, reasons=reasons, checks=(),
        judged_with=chaos.__version__,
    )  # fmt: skip


def _exit_code(status: Status, outcome: Outcome, *, stuck: bool, by_guard: bool) -> int:
    """Only a condition that the guard saw breached is the shop's weakness. An abort for another reason (a fault could
    not be injected, the guard or the watchdog was gone) exits as its outcome says, like a run that was completed."""
    counts_as = Status.COMPLETED if status is Status.ABORTED and not by_guard else status
    return exit_code(counts_as, outcome, stuck=stuck)


def _tried(what: str, broken: list[str], call: Callable[..., T], otherwise: T, *arguments: object) -> T:
    """A part of the judge that raises makes the run inconclusive, never a pass."""
    try:
        return call(*arguments)
    except Exception as cause:
        broken.append(f"{what} could not be judged: {type(cause).__name__}: {cause}")
        return otherwise


def _unsteady(checks: list[Check]) -> list[str]:
    """The headline of the checks before the fault that were not held."""
    if any(allowed(check.budget, check.total) < check.bad for check in checks):
        return ["the shop was not steady before the fault"]
    return ["nobody can say that the shop was steady before the fault"] if checks else []


def _checks(journal: Journal, windows: tuple[Span, ...], fate: Faults, notes: list[str]) -> tuple[Check, ...]:
    """Every condition in every window; what was wrong with the generator is added to the notes."""
    e_needed = needed(journal.plan.tests, journal.plan.alpha)
    before = next((span for span in windows if span.window.phase == "before"), None)
    excused: Journal | None = None
    checks = []
    for span in windows:
        trouble: list[str] = []
        lateness = _tried("the generator's lag", trouble, late, "", journal, span)
        sent_less = _tried("the generator's rate", trouble, short, "", journal, span)
        notes += [f"{span.window.name}: {text}" for text in (lateness, sent_less) if text]
        if lateness and excused is None:
            fair = given_back(journal.requests, float(journal.plan.patience))
            excused = dataclasses.replace(journal, requests=fair)
        step = span.window.step
        fading = fate.flaws.get(step, "") if step is not None and span.window.phase == "during" else ""
        for condition in span.window.conditions:
            from_load = condition.source is Source.LOAD
            generator = (lateness, sent_less, *trouble) if from_load else ()
            probe = _unmeasured(journal, span, condition) or _not_recorded(journal, condition)
            flaws = tuple(f for f in (fading, *generator, probe) if f)
            if condition.tolerance is not None:
                checks.append(compare(condition, journal, span, before, flaws=flaws))
                continue
            found = check(condition, journal, span, e_needed=e_needed, flaws=flaws)
            if found.outcome is Outcome.DEVIATED and lateness and from_load and excused is not None:
                fair_check = check(condition, excused, span, e_needed=e_needed, flaws=flaws)
                if fair_check.outcome is not Outcome.DEVIATED:
                    found = fair_check
            checks.append(found)
    return tuple(checks)


def _unmeasured(journal: Journal, span: Span, condition: Condition) -> str:
    return (
        _probe_failed(journal, span, condition)
        or unscraped(condition, journal.samples, span)
        or _impossible(journal, span, condition)
    )


def _impossible(journal: Journal, span: Span, condition: Condition) -> str:
    """A reading, or a request, that cannot be: the window has not been measured as it should have been."""
    if condition.source is Source.LOAD:
        return backwards(journal, span)
    names = {condition.sli, condition.text}
    inside = (s for s in journal.samples if s.sli in names and span.start_s <= s.at_s <= span.end_s)
    return next(filter(None, (impossible(condition, sample) for sample in inside)), "")


def _probe_failed(journal: Journal, span: Span, condition: Condition) -> str:
    """A source is named by its SLI (`db-query` or `db-query.p95`), by the sentence, or by its kind (`prometheus`)."""
    names = {condition.sli, condition.sli.split(".")[0], condition.text, condition.source.value}
    for event in journal.events:
        if isinstance(event, ProbeFailed) and event.source in names and span.start_s <= event.at_s <= span.end_s:
            return f"the probe failed: {event.error}"
    return ""


def _not_recorded(journal: Journal, condition: Condition) -> str:
    """A source that no reader was asked about: the run was made for other sentences than it is judged with."""
    names = {condition.sli, condition.text}
    if condition.source is Source.LOAD or any(sample.sli in names for sample in journal.samples):
        return ""
    return f"{condition.sli} was not recorded in this run"


def _invariants(journal: Journal) -> tuple[InvariantReport, ...]:
    """The last word on each. One that was planned and never checked is inconclusive."""
    last = {event.name: event for event in journal.events if isinstance(event, InvariantChecked)}
    names = dict.fromkeys((*journal.plan.invariants, *last))
    return tuple(_invariant(name, last.get(name)) for name in names)


def _invariant(name: str, event: InvariantChecked | None) -> InvariantReport:
    if event is None:
        return InvariantReport(name=name, outcome=Outcome.INCONCLUSIVE, text="was not checked")
    if event.ok is None:
        return InvariantReport(
            name=name, outcome=Outcome.INCONCLUSIVE, text=f"could not be checked: {event.error or 'no reason given'}"
        )
    if event.ok and not event.violations:
        return InvariantReport(name=name, outcome=Outcome.HELD, text=f"held{_of(event, ', ')}")
    shown = ", ".join(event.violations[:3])
    more = f" and {len(event.violations) - 3:,} more" if len(event.violations) > 3 else ""
    what = f": {shown}{more}" if shown else ""
    text = f"violated {max(1, len(event.violations)):,} times{_of(event, ' among ')}{what}"
    return InvariantReport(name=name, outcome=Outcome.DEVIATED, text=text)


def _of(event: InvariantChecked, before: str) -> str:
    """How much was looked at, where the check says so."""
    return f"{before}{event.checked:,} checked" if event.checked else ""


def _status(journal: Journal) -> tuple[Status, str]:
    """The run's own last word; without one it was killed (T8). A record that breaks off is never a completed run."""
    last = [event for event in journal.events if isinstance(event, RunEnded)]
    if last:
        return Status(last[-1].status), last[-1].reason
    if journal.run.status is not None:
        return Status(journal.run.status), ""
    return Status.CRASHED, "the record breaks off without an end; the runner was killed, or is still running"


def _breached(journal: Journal) -> bool:
    return any(isinstance(event, GuardBreached) for event in journal.events)


def _guard(journal: Journal) -> list[str]:
    lines = []
    for event in journal.events:
        if isinstance(event, GuardBreached):
            lines.append(f"aborted by the guard: {event.condition} ({event.value})")
        elif isinstance(event, GuardBroken):
            lines.append(f"aborted: the guard could not watch {event.condition}: {event.error}")
    return lines


def _reason(check: Check) -> str:
    return f"{check.window}: {check.condition}: {check.text}"


def _all_held(checks: tuple[Check, ...]) -> str:
    judged = sum(c.phase != "before" for c in checks)
    return f"every objective was proven in every window during and after ({judged} of {judged})"
