"""What a run showed: per condition and window, per window, and for the whole run."""

from __future__ import annotations

from enum import StrEnum

from chaos.model.base import Noun
from chaos.model.charge import Charge, SlaCharge


class Outcome(StrEnum):
    HELD = "held"
    DEVIATED = "deviated"
    INCONCLUSIVE = "inconclusive"


class Status(StrEnum):
    COMPLETED = "completed"
    ABORTED = "aborted"
    INTERRUPTED = "interrupted"
    CRASHED = "crashed"


class Compared(Noun):
    """How a percentile compares with the window before the first fault (chaos.stats.bootstrap). Times in seconds."""

    before_s: float
    during_s: float
    ratio: float  # during / before
    low: float  # the ratio is above this, at the run's share of alpha,
    high: float  # and below this, with 95 % confidence
    allowed: float  # the ratio that the sentence tolerates
    standard_error: float  # of ln ratio
    freedom: float  # degrees of freedom of Student's t
    alpha: float
    blocks_before: float  # of `block_s` seconds
    blocks_during: float
    block_s: int
    resamples: int
    seed: int


class Check(Noun):
    """One condition in one window. `bad` of `total` against `budget`; every figure behind the word is here.

    A comparison with before has `compared` once there was enough to compare; its `bad` are slower than it allows the
    percentile to be.
    """

    condition: str
    window: str
    phase: str
    outcome: Outcome
    bad: int
    total: int
    budget: float
    upper: float | None = None  # the exact one-sided 95 % upper bound of the bad fraction
    e_value: float | None = None  # the largest value of the sequential test, with
    e_needed: float | None = None  # what it takes to say `deviated`
    decided_at_s: float | None = None  # when it was reached, seconds since the run's start
    value: float | None = None  # the SLI itself, in base units: 0.9987, 1.25 (seconds)
    low: float | None = None  # its 95 % interval
    high: float | None = None
    unit: str = ""  # `ratio`, `s`, `` (plain number)
    more_needed: int | None = None  # inconclusive: so many more clean samples would decide it
    more_needed_s: float | None = None
    compared: Compared | None = None
    text: str = ""  # plain words: `3 of 11,932 requests failed; the objective allows 11`


class Recovery(Noun):
    """How long a condition that was bad during a fault stayed bad once the fault was gone (chaos.stats.recovery).

    *Held*: good again within what the experiment allows, and steady from then on. *Deviated* and *inconclusive*: not
    so, or not known. It is a measurement: only one that is surely later than allowed keeps a run from being held.
    """

    condition: str
    window: str  # the window after the fault
    outcome: Outcome
    allowed_s: float  # the experiment's `recovery`
    at_s: float | None = None  # seconds since the last fault was gone; None: not within what was watched
    low_s: float | None = None
    high_s: float | None = None
    bad_ratio_before: float = 0.0  # bad fraction until then,
    bad_ratio_after: float = 0.0  # and from then on
    watched_s: float = 0.0  # since the last fault was gone
    steady_s: float | None = None  # so long the objective must hold from then on; None: no length would do
    text: str = ""

    @property
    def late(self) -> bool:
        """Surely later than allowed."""
        return self.at_s is not None and self.low_s is not None and self.low_s > self.allowed_s


class FaultReport(Noun):
    """What became of one fault at one place. `measured` (with its 95 % interval, from so many `samples`) and `intended`
    are in `unit`, where the fault has a size."""

    fault: str
    text: str
    place: str
    confirmed: bool | None  # None: it was never injected
    evidence: str = ""
    reverted: bool = False
    on_s: float | None = None  # for so long it was in place
    reverted_by: str = ""
    remedy: str = ""
    measured: float | None = None
    low: float | None = None
    high: float | None = None
    intended: float | None = None
    unit: str = ""
    samples: int | None = None


class WindowReport(Noun):
    """How long a window lasted. `decided` says why it ended before its longest, which saved so much time."""

    window: str
    longest_s: float
    lasted_s: float
    decided: str = ""
    saved_s: float = 0.0


class InvariantReport(Noun):
    name: str
    outcome: Outcome
    text: str


class Verdict(Noun):
    """The whole run. `reasons` are one line each, the decisive one first. `exit_code` is DESIGN's table."""

    run: str
    status: Status
    outcome: Outcome
    exit_code: int
    reasons: tuple[str, ...]
    checks: tuple[Check, ...]
    windows: tuple[WindowReport, ...] = ()  # those that began
    faults: tuple[FaultReport, ...] = ()
    invariants: tuple[InvariantReport, ...] = ()
    recoveries: tuple[Recovery, ...] = ()
    customers: int = 0
    customers_affected: int = 0  # had at least one bad request
    customers_during: int = 0  # had a request while a fault was on
    customers_affected_during: int = 0  # had a bad one then
    charges: tuple[Charge, ...] = ()  # to the error budgets
    slas: tuple[SlaCharge, ...] = ()  # what that would have cost
    requests: int = 0
    generator_lag_p99_s: float | None = None
    notes: tuple[str, ...] = ()  # what its figures do not show, by how they were measured
    objectives: tuple[str, ...] = ()  # other sentences than the run's own that it was judged with; empty: its own
    judged_with: str = ""  # the version of Saleproof whose rules these are


EXIT_HELD, EXIT_DEVIATED, EXIT_INCONCLUSIVE, EXIT_STUCK, EXIT_INTERNAL, EXIT_INTERRUPTED = 0, 1, 2, 3, 70, 130


def exit_code(status: Status, outcome: Outcome, *, stuck: bool) -> int:
    """One order everywhere: stuck > crashed, interrupted > deviated > inconclusive > held. Aborted is deviated."""
    if stuck:
        return EXIT_STUCK
    if status is Status.CRASHED:
        return EXIT_INTERNAL
    if status is Status.INTERRUPTED:
        return EXIT_INTERRUPTED
    if status is Status.ABORTED or outcome is Outcome.DEVIATED:
        return EXIT_DEVIATED
    return EXIT_INCONCLUSIVE if outcome is Outcome.INCONCLUSIVE else EXIT_HELD
