"""One declared hypothesis, load and method, as the file says it."""

from __future__ import annotations

from typing import Any, Literal

from chaos.model.base import Noun
from chaos.model.objective import Condition
from chaos.units import Duration, Ratio

# Whether a window lasts its length, or ends as soon as all of it is decided.
Until = Literal["end", "decided"]


class Scope(Noun):
    """What a fault is declared on, before anyone looked which instances there are.

    Exactly one is set. `link` may name services or instances (`web -> db`, `web-1 -> db`). `between` is two groups of
    services for a partition. `share` takes some of the instances, chosen by the run's seed.
    """

    link: str | None = None
    service: str | None = None
    between: tuple[tuple[str, ...], tuple[str, ...]] | None = None
    share: Ratio | None = None


class FaultSpec(Noun):
    """One fault of a method: the word, its parameters as written, where, and for how long."""

    kind: str
    fault: Any  # an instance of the fault's class (chaos.faults): the checked parameters
    scope: Scope
    duration: Duration  # `for`
    line: int | None = None
    text: str = ""  # `latency: {link: web -> db, delay: 300ms, ...}`, for people
    said: tuple[str, ...] = ()  # the keys that the file has for it; every other has its default


class MethodStep(Noun):
    """One step: faults that are on together, or a wait."""

    faults: tuple[FaultSpec, ...] = ()
    wait: Duration | None = None
    line: int | None = None


class Windows(Noun):
    """How long each phase is measured. `during` lasts as long as its faults."""

    warm_up: Duration = Duration(5)
    before: Duration = Duration(15)
    after: Duration = Duration(45)
    least: Duration | None = None  # with `until: decided`; None: 10 s during a fault, 30 s after one


class Profile(Noun):
    """A named variation of an experiment, such as `ci`: other windows, other objectives, shorter faults."""

    windows: Windows | None = None
    fault: Duration | None = None  # every fault lasts so long
    hypothesis: tuple[Condition, ...] | None = None
    during: tuple[Condition, ...] | None = None
    recovery: Duration | None = None
    until: Until | None = None


class Experiment(Noun):
    """One experiment file, resolved against its target. `path` and `text` are where it came from and what it said."""

    title: str
    target: str
    why: str = ""
    expects: dict[str, str] = {}  # variant -> what is expected of it, for people and for the catalogue's tests
    load: str = "normal"
    windows: Windows = Windows()
    until: Until = "end"
    hypothesis: tuple[Condition, ...] = ()
    during: tuple[Condition, ...] = ()
    method: tuple[MethodStep, ...] = ()
    recovery: Duration = Duration(15)
    abort: tuple[Condition, ...] = ()
    abort_deviated: tuple[str, ...] = ()  # `checkout.p99 deviated`: keys of judged sentences, or ANY of them
    profiles: dict[str, Profile] = {}
    tags: tuple[str, ...] = ()
    path: str = ""
    text: str = ""

    def during_conditions(self) -> tuple[Condition, ...]:
        """The hypothesis as it holds while a fault is on: one under `during` replaces the one on the same SLI."""
        replaced = {condition.key for condition in self.during}
        return tuple(c for c in self.hypothesis if c.key not in replaced) + self.during
