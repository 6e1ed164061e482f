"""What became of every fault that was planned: was it injected, did it bite, was it on long enough, is it gone?"""

from __future__ import annotations

from dataclasses import dataclass, field

from chaos.judge.spans import Span
from chaos.model.event import (
    FaultConfirmed,
    FaultFailed,
    FaultInjected,
    FaultIntended,
    FaultReverted,
    FaultStuck,
    LeaseExpired,
)
from chaos.model.fault import Evidence
from chaos.model.journal import Journal
from chaos.model.plan import PlannedFault
from chaos.model.verdict import FaultReport

# What a fault may be shorter than declared before its window no longer shows it: a share, and the time that injecting
# and reverting take. And how late in its window injecting it may begin, after others: a share, and as much time.
SHORT_SHARE, SHORT_S = 0.1, 1.0
LATE_SHARE = 0.25


@dataclass(kw_only=True)
class _Story:
    intended_s: float | None = None
    injected_s: float | None = None
    failed: str = ""
    evidence: Evidence | None = None
    bit: bool = False  # it was confirmed, whatever was seen of it later
    lease_over: bool = False  # it was in place when the lease ran out
    reverted_s: float | None = None
    reverted_by: str = ""
    stuck: FaultStuck | None = None

    @property
    def in_place(self) -> bool:
        """Touched, and never read back as gone."""
        touched = self.intended_s is not None or self.injected_s is not None
        return self.stuck is not None or (touched and self.reverted_s is None)


@dataclass(frozen=True, kw_only=True)
class Faults:
    """`stuck` and `problems` are lines for people. `spans` are when anything was in place, (from, to) in seconds;
    `flaws` say of a during window (by step) why it does not show its fault for as long as it should. `removed` is when
    the last fault of a step was gone, in seconds; a step with one that is not is not there."""

    reports: tuple[FaultReport, ...] = ()
    stuck: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    spans: tuple[tuple[float, float], ...] = ()
    flaws: dict[int, str] = field(default_factory=dict)
    removed: dict[int, float] = field(default_factory=dict)


def faults(journal: Journal, spans: tuple[Span, ...]) -> Faults:
    """Read the whole record; the last word on a fault counts."""
    stories = _stories(journal)
    last_s = max((event.at_s for event in journal.events), default=0.0)
    planned = {f.id: f for step in journal.plan.steps for f in step.faults}
    asked = [(f.id, place) for f in planned.values() for place in f.places]
    asked += [key for key in stories if key not in set(asked)]
    reports, stuck, problems, on = [], [], [], []
    flaws: dict[int, str] = {}
    during = {s.window.step: s for s in spans if s.window.phase == "during" and s.began}
    for key in asked:
        story, fault = stories.get(key, _Story()), planned.get(key[0])
        reports.append(_report(key, story, fault))
        name = f"{fault.kind if fault else 'fault'} {key[0]} at {key[1]}"
        if story.in_place:
            stuck.append(f"{name} is still in place: {_remedy(story, journal)}")
        problem = _problem(story)
        if problem:
            problems.append(f"{name} {problem}")
        if story.injected_s is not None:
            began_s = story.injected_s if story.intended_s is None else story.intended_s
            on.append((began_s, last_s if story.reverted_s is None else story.reverted_s))
        short = _short(story, fault, during)
        if fault is not None and short:
            flaws.setdefault(fault.step, f"{name} {short}")
    if not any(s.injected_s is not None for s in stories.values()):
        problems = ["no fault was injected, so the run shows nothing about one", *problems]
    return Faults(
        reports=tuple(reports), stuck=tuple(stuck), problems=tuple(problems), spans=tuple(on), flaws=flaws,
        removed=_removed(journal, stories),
    )  # fmt: skip


def _removed(journal: Journal, stories: dict[tuple[str, str], _Story]) -> dict[int, float]:
    """Step -> when the last of its faults was read back as gone."""
    removed = {}
    for step in journal.plan.steps:
        ours = [story for (fault, _), story in stories.items() if fault in {f.id for f in step.faults}]
        injected = [story for story in ours if story.injected_s is not None]
        gone = [story.reverted_s for story in injected if story.reverted_s is not None]
        if injected and len(gone) == len(injected) and not any(story.in_place for story in ours):
            removed[step.index] = max(gone)
    return removed


def _stories(journal: Journal) -> dict[tuple[str, str], _Story]:
    stories: dict[tuple[str, str], _Story] = {}
    for event in journal.events:
        match event:
            case FaultIntended():
                story = stories.setdefault((event.fault, event.place), _Story())
                story.intended_s, story.reverted_s, story.stuck = event.at_s, None, None
            case FaultInjected():
                stories.setdefault((event.fault, event.place), _Story()).injected_s = event.at_s
            case FaultFailed():
                stories.setdefault((event.fault, event.place), _Story()).failed = event.error
            case FaultConfirmed():
                story = stories.setdefault((event.fault, event.place), _Story())
                story.evidence, story.bit = event.evidence, story.bit or event.evidence.confirmed
            case LeaseExpired():
                for story in stories.values():
                    story.lease_over = story.lease_over or story.in_place
            case FaultReverted():
                story = stories.setdefault((event.fault, event.place), _Story())
                # The first time that it was read back as gone; reverting twice is harmless and changes nothing.
                if story.reverted_s is None:
                    story.reverted_s, story.reverted_by = event.at_s, event.by
                story.stuck = None
            case FaultStuck():
                stories.setdefault((event.fault, event.place), _Story()).stuck = event
            case _:
                pass
    return stories


def _report(key: tuple[str, str], story: _Story, fault: PlannedFault | None) -> FaultReport:
    confirmed = None if story.injected_s is None else bool(story.evidence and story.evidence.confirmed)
    on_s = None
    if story.injected_s is not None and story.reverted_s is not None:
        on_s = max(0.0, story.reverted_s - story.injected_s)
    seen = story.evidence or Evidence(confirmed=False, text="")
    return FaultReport(
        fault=key[0], text=fault.text if fault else "", place=key[1], confirmed=confirmed,
        evidence=story.evidence.text if story.evidence else story.failed,
        reverted=story.reverted_s is not None and story.stuck is None, on_s=on_s, reverted_by=story.reverted_by,
        remedy=story.stuck.remedy if story.stuck else "", measured=seen.measured, low=seen.low, high=seen.high,
        intended=seen.intended, unit=seen.unit, samples=seen.samples,
    )  # fmt: skip


def _problem(story: _Story) -> str:
    """Why this fault shows nothing; empty when it bit."""
    if story.failed:
        return f"could not be injected: {story.failed}"
    if story.injected_s is None:
        return "was never injected"
    if story.evidence is not None and story.evidence.confirmed:
        return ""
    if story.lease_over:  # what was measured then was measured without it
        return "was taken back because the lease ran out"
    if story.evidence is None:
        return "was not confirmed: nothing was measured"
    if not story.bit and story.evidence.text.startswith(("did not bite", "not confirmable")):
        return story.evidence.text  # what was measured says it itself
    return f"{'bit at first' if story.bit else 'did not bite'}: {story.evidence.text}"


def _short(story: _Story, fault: PlannedFault | None, during: dict[int | None, Span]) -> str:
    """One that somebody took away early (a watchdog while the runner slept), or that came late (another one took long
    to inject), leaves a window that is not its own; so does one that was no sooner in force than it was reverted."""
    if fault is None or story.injected_s is None or story.reverted_s is None or fault.step not in during:
        return ""
    span, duration_s = during[fault.step], float(fault.duration)
    intended_s = story.injected_s if story.intended_s is None else story.intended_s
    on_s, left_s = story.reverted_s - story.injected_s, min(duration_s, span.end_s - story.injected_s)
    early = on_s < left_s * (1 - SHORT_SHARE) - SHORT_S
    late = intended_s - span.start_s > min(duration_s, span.length_s) * LATE_SHARE + SHORT_S
    if not early and not late and on_s >= min(duration_s, span.length_s) * SHORT_SHARE:
        return ""
    by = f", reverted by the {story.reverted_by}" if story.reverted_by != "runner" else ""
    return f"was on for {on_s:.1f} s of {duration_s:g} s{by}"


def _remedy(story: _Story, journal: Journal) -> str:
    if story.stuck is None:
        return "the record does not say that it was reverted; see: saleproof recover"
    return f"{story.stuck.error}; {story.stuck.remedy or 'try: saleproof recover'}"
