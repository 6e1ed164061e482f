"""What a run will do, worked out before anything is touched. `--dry-run` and `saleproof plan` stop here."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

from chaos.model.base import Noun
from chaos.model.charge import Budgeted
from chaos.model.objective import Condition
from chaos.model.sli import Shape
from chaos.units import Duration, Rate

# How late the generator may be, its p99 in a window (VERDICTS section 1).
LEAST_LAG_S = 0.005
LAG_SHARE = 0.05

ALPHA = 0.01

Phase = Literal["before", "during", "after"]


class Window(Noun):
    """One span of time that is judged. What lies between two injections is one shared window with the phase `after`:
    it must be held, and it is the next injection's steady state too."""

    index: int  # 0 is the first `before`
    name: str  # `before`, `during 1`, `after 1`, `between 1 and 2`
    phase: Phase
    step: int | None  # the index of the method step; None for the first `before`
    length: Duration
    # It may end before its length once all is decided: when a condition has deviated, or when all are held and it has
    # lasted so long. None: it lasts its length whatever is known.
    least: Duration | None = None
    conditions: tuple[Condition, ...]


def tests_of(windows: Iterable[Window]) -> int:
    """m of VERDICTS section 3: conditions times windows that can deviate."""
    return sum(len(window.conditions) for window in windows if window.phase != "before")


class PlannedFault(Noun):
    """One fault with its places chosen. `places` are proxies (`web-1 -> db`), instances (`web-2`) or `traffic`."""

    id: str  # `1.1`: step 1, fault 1
    kind: str
    places: tuple[str, ...]
    touches: tuple[str, ...] = ()  # what the places really are on the platform: `container shop-web-1`
    duration: Duration
    fault: dict[str, Any]  # the parameters, as plain data in base units
    text: str  # as written, for people
    step: int


class PlannedStep(Noun):
    index: int  # from 0
    faults: tuple[PlannedFault, ...] = ()
    wait: Duration | None = None


class Decision(Noun):
    """Whether a window can decide a condition at all: the samples expected there against those needed."""

    window: str
    condition: str
    expected: float
    needed: int
    spare_failures: int  # so many bad samples the expected number can absorb and still be held
    enough: bool
    # Typical seconds until it is certain; None where it never is, or where nothing can be said before.
    outage_s: float | None = None  # every sample is bad: deviated
    tenfold_s: float | None = None  # ten times what is allowed: deviated
    clean_s: float | None = None  # no sample is bad: enough of them to be held


class Measured(Noun):
    """What was found out before the run about a source whose samples are somebody else's scrapes."""

    sli: str
    source: str  # `Prometheus at http://prometheus:9090`
    delay: Duration  # at the latest so long after something happened, it has been seen
    interval: Duration | None = None  # from one sample to the next; None: there was only one
    per_s: float | None = None  # things counted a second, as they come now; None: not known


class Plan(Noun):
    """A whole run: windows, steps with concrete places, the traffic, and what the record needs to be judged again."""

    title: str
    why: str = ""
    experiment: str  # path
    target: str
    platform: str
    endpoint: str = ""  # where the platform is controlled; empty when it is not up yet
    variant: str
    profile: str | None = None
    seed: int
    load: str  # the traffic profile's name, or `none`
    rate: Rate  # journeys a second; requests, where another engine makes them
    traffic_by: str = ""  # the other engine: Locust or k6
    patience: Duration
    think: Duration = Duration(0)  # between two steps of a journey
    transactions: dict[str, int] = {}  # journeys that are transactions -> their number of steps
    warm_up: Duration
    recovery: Duration
    windows: tuple[Window, ...]
    steps: tuple[PlannedStep, ...]
    abort: tuple[Condition, ...] = ()
    # Whose proven deviation aborts: keys of judged sentences (`checkout.p99`), or ANY of them.
    abort_deviated: tuple[str, ...] = ()
    invariants: tuple[str, ...] = ()
    sources: tuple[Measured, ...] = ()
    decisions: tuple[Decision, ...] = ()
    warnings: tuple[str, ...] = ()
    budgets: Budgeted = Budgeted()
    alpha: float = ALPHA  # the chance of a false `deviated`, for the whole run (VERDICTS section 3)

    @property
    def tests(self) -> int:
        """m of VERDICTS section 3: conditions times windows that can deviate."""
        return tests_of(self.windows)

    @property
    def lag_limit_s(self) -> float:
        """How late the generator may be, in seconds: max(5 ms, 5 % of the smallest latency threshold)."""
        conditions = [c for w in self.windows for c in w.conditions if c.tolerance is None]
        slow = [c.threshold for c in conditions if c.shape is Shape.LATENCY]
        return max(LEAST_LAG_S, LAG_SHARE * min(slow, default=float(self.patience)))

    @property
    def length(self) -> Duration:
        """How long the run takes, start-up and clean-up excluded."""
        waits = sum(float(s.wait) for s in self.steps if s.wait is not None)
        recoveries = sum(float(self.recovery) for w in self.windows if w.phase == "after")
        return Duration(float(self.warm_up) + waits + recoveries + sum(float(w.length) for w in self.windows))
