"""One thing that happened, with its time. A run's journal is the list of them; nothing is ever changed in it."""

from __future__ import annotations

from typing import Literal

from chaos.model.base import Noun
from chaos.model.fault import Evidence, Undo


def _word(name: str) -> str:
    """FaultInjected -> fault-injected."""
    return "".join(f"-{c.lower()}" if c.isupper() else c for c in name).lstrip("-")


class Event(Noun, tag_field="kind", tag=_word):
    """`at_s` are seconds since the run's start, on the clock that requests are timed with too."""

    at_s: float


class RunStarted(Event):
    pid: int
    endpoint: str  # the platform's control endpoint, as resolved
    t0_s: float = 0.0  # CLOCK_MONOTONIC at the run's start, so that a watchdog can go on with the same clock


class TrafficStarted(Event):
    """The load generator's first arrival is due now."""

    pid: int
    rate: float  # journeys a second


class TrafficEnded(Event):
    """`reason` is empty when it ended because it was told to. `dropped` arrivals were due and never sent: the shop did
    not get the traffic that the run was to show."""

    reason: str = ""
    dropped: int = 0


class WindowStarted(Event):
    window: int


class WindowEnded(Event):
    """`cut` says why a window was broken off before its length; empty when it was not. `decided` says what was certain
    already when a window ended that need not last its longest; with `settled_s` (seconds since the run's start) it was
    certain from what had begun by then that every condition is held."""

    window: int
    cut: str = ""
    decided: str = ""
    settled_s: float | None = None


class FaultIntended(Event):
    """Written, and durable, before anything is touched."""

    fault: str  # PlannedFault.id
    place: str
    undo: Undo


class FaultInjected(Event):
    fault: str
    place: str
    took_s: float


class FaultFailed(Event):
    """The injection itself raised; it is reverted all the same."""

    fault: str
    place: str
    error: str


class FaultConfirmed(Event):
    """`evidence.confirmed` is False when it did not bite."""

    fault: str
    place: str
    evidence: Evidence


class FaultReverted(Event):
    """Called so only after reading back that it is gone."""

    fault: str
    place: str
    took_s: float
    by: Literal["runner", "watchdog", "recover"] = "runner"


class FaultStuck(Event):
    """The revert failed or could not be read back. `remedy` is what a person can do."""

    fault: str
    place: str
    error: str
    remedy: str = ""


class GuardBreached(Event):
    """An abort condition held for its duration; everything is reverted now."""

    condition: str
    value: str  # what was seen: `error-rate 41% for 3s`


class GuardBroken(Event):
    """The guard could not measure. That aborts too."""

    condition: str
    error: str


class SignalReceived(Event):
    signal: str


class LeaseExpired(Event):
    """The runner was stopped or asleep, or could not reach `holder` (empty: the runner itself noticed), for longer than
    the faults' lease: they were taken back where the target lives, and nothing more is injected."""

    holder: str
    reason: str


class Halted(Event):
    """Somebody halted every run on this machine, or on this target; everything is reverted now."""

    by: str
    since: str = ""  # UTC, ISO 8601
    reason: str = ""


class InvariantChecked(Event):
    """`ok` None: it could not be checked, which is inconclusive."""

    name: str
    ok: bool | None
    checked: int = 0
    violations: tuple[str, ...] = ()
    error: str = ""


class Noted(Event):
    """Something worth knowing that changes nothing by itself."""

    text: str


class ProbeFailed(Event):
    """A source of measurements did not answer; the window that it is in cannot pass on that SLI."""

    source: str
    error: str


class RunEnded(Event):
    status: Literal["completed", "aborted", "interrupted", "crashed"]
    reason: str = ""


AnyEvent = (
    RunStarted
    | TrafficStarted
    | TrafficEnded
    | WindowStarted
    | WindowEnded
    | FaultIntended
    | FaultInjected
    | FaultFailed
    | FaultConfirmed
    | FaultReverted
    | FaultStuck
    | GuardBreached
    | GuardBroken
    | SignalReceived
    | LeaseExpired
    | Halted
    | InvariantChecked
    | Noted
    | ProbeFailed
    | RunEnded
)
