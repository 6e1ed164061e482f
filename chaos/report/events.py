"""One event as one line: when, what, where, how long. For the plain screen and for `show --events`."""

from __future__ import annotations

from chaos.masking import masked
from chaos.model.event import (
    AnyEvent,
    FaultConfirmed,
    FaultFailed,
    FaultInjected,
    FaultIntended,
    FaultReverted,
    FaultStuck,
    GuardBreached,
    GuardBroken,
    Halted,
    InvariantChecked,
    LeaseExpired,
    Noted,
    ProbeFailed,
    RunEnded,
    RunStarted,
    SignalReceived,
    TrafficEnded,
    TrafficStarted,
    WindowEnded,
    WindowStarted,
)
from chaos.model.plan import Plan
from chaos.model.words import seconds


class Describer:
    """Knows the plan's names once it has one; without it, numbers stand for them."""

    def __init__(self, plan: Plan | None = None) -> None:
        self._windows = {w.index: w for w in plan.windows} if plan else {}
        self._by = plan.traffic_by if plan else ""
        self._kinds = {f.id: f.kind for step in plan.steps for f in step.faults} if plan else {}

    def line(self, event: AnyEvent) -> str:
        """`  12.3s  fault      latency web-1 -> db: confirmed, +298 ms of 300 ms`."""
        area, text = self.words(event)
        return f"{event.at_s:7.1f}s  {area:<9}  {masked(text)}"

    def words(self, event: AnyEvent) -> tuple[str, str]:
        """(the area, the rest)."""
        match event:
            case FaultIntended():
                self._kinds.setdefault(event.fault, event.undo.kind)
                return "fault", f"{self._fault(event)}: written down"
            case FaultInjected():
                return "fault", f"{self._fault(event)}: injected in {seconds(event.took_s)}"
            case FaultFailed():
                return "fault", f"{self._fault(event)}: NOT INJECTED, {event.error}"
            case FaultConfirmed():
                word = "confirmed" if event.evidence.confirmed else "DID NOT BITE"
                return "fault", f"{self._fault(event)}: {word}, {event.evidence.text}"
            case FaultReverted():
                by = "" if event.by == "runner" else f" by the {event.by}"
                return "fault", f"{self._fault(event)}: reverted{by} in {seconds(event.took_s)}"
            case FaultStuck():
                return "fault", f"{self._fault(event)}: STILL IN PLACE, {event.error}; {event.remedy}".rstrip("; ")
            case InvariantChecked():
                return "invariant", f"{event.name}: {_invariant(event)}"
            case _:
                return self._plain_words(event)

    def _plain_words(self, event: AnyEvent) -> tuple[str, str]:
        match event:
            case RunStarted():
                return "run", f"started, pid {event.pid}" + (f", {event.endpoint}" if event.endpoint else "")
            case RunEnded():
                return "run", event.status + (f": {event.reason}" if event.reason else "")
            case TrafficStarted():
                a_second = "requests/s or so" if self._by else "journeys/s"
                return "traffic", f"started, {event.rate:g} {a_second}" + (f", pid {event.pid}" if event.pid else "")
            case TrafficEnded():
                dropped = f", {event.dropped:,} arrivals dropped" if event.dropped else ""
                return "traffic", "ended" + (f": {event.reason}" if event.reason else "") + dropped
            case WindowStarted():
                window = self._windows.get(event.window)
                name = f"{window.name} begins, {window.length}" if window else f"{event.window} begins"
                return "window", name
            case WindowEnded():
                window = self._windows.get(event.window)
                cut = f", cut short: {event.cut}" if event.cut else ""
                decided = f", decided: {event.decided}" if event.decided and not event.cut else ""
                return "window", f"{window.name if window else event.window} ends{cut}{decided}"
            case GuardBreached():
                return "guard", f"BREACHED {event.condition}: {event.value}; everything is reverted now"
            case GuardBroken():
                return "guard", f"CANNOT WATCH {event.condition}: {event.error}; everything is reverted now"
            case SignalReceived():
                return "signal", f"{event.signal} received; everything is reverted now"
            case LeaseExpired():
                return "lease", f"{event.reason}; nothing more is injected"
            case Halted():
                why = f": {event.reason}" if event.reason else ""
                return "halt", f"HALTED by {event.by}{why}; everything is reverted now"
            case ProbeFailed():
                return "probe", f"{event.source} FAILED: {event.error}"
            case Noted():
                return "note", event.text
            case _:
                return "event", type(event).__name__

    def _fault(
        self, event: FaultIntended | FaultInjected | FaultFailed | FaultConfirmed | FaultReverted | FaultStuck
    ) -> str:
        return f"{self._kinds.get(event.fault, event.fault)} {event.place}"


def _invariant(event: InvariantChecked) -> str:
    if event.ok is None:
        return f"COULD NOT BE CHECKED, {event.error}"
    checked = f", {event.checked:,} checked" if event.checked else ""
    return f"holds{checked}" if event.ok else f"VIOLATED, {', '.join(event.violations[:3])}"
