"""The keys of an experiment file. The loader, the JSON Schema and the reference are made from these classes."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec

from chaos.model.base import Noun
from chaos.model.experiment import Until
from chaos.units import Duration

Positive = Annotated[Duration, msgspec.Meta(gt=0)]
Sentences = tuple[str, ...]


class WindowsPart(Noun):
    """How long each phase is measured. *During* lasts as long as its faults."""

    warm_up: Duration | None = None  # traffic runs and nothing is judged yet (5s)
    before: Positive | None = None  # the baseline: 100 samples at least (15s)
    after: Positive | None = None  # judged after each recovery; between two injections, the longer of both (45s)
    least: Positive | None = None  # with `until: decided`, the shortest that is held (10s during, 30s after)


class ProfilePart(Noun):
    """A named variation, chosen with `--profile`: what it names replaces the experiment's."""

    windows: WindowsPart | None = None  # other lengths; those left out stay
    for_: Positive | None = msgspec.field(default=None, name="for")  # every fault lasts so long
    hypothesis: Annotated[Sentences, msgspec.Meta(min_length=1)] | None = None  # instead of the experiment's
    during: Sentences | None = None  # instead of the experiment's
    until: Until | None = None  # instead of the experiment's
    recovery: Duration | None = None  # instead of the experiment's


class ExperimentPart(Noun):
    """One declared hypothesis, load and method."""

    title: Annotated[str, msgspec.Meta(min_length=1)]  # one sentence that says what the experiment claims
    target: str  # the target file's name: `shop` is `targets/shop.yaml`
    why: str = ""  # which outage it rehearses, and why that matters
    expects: dict[str, str] = {}  # variant -> `held`, `inconclusive` or `deviated: pages.p99`
    load: str | None = None  # a traffic profile of the target (normal), or `none`
    windows: WindowsPart = WindowsPart()  # how long each phase is measured
    until: Until = "end"  # `decided`: a window ends once all is certain; its length, or its faults', is the longest
    hypothesis: Annotated[Sentences, msgspec.Meta(min_length=1)]  # the steady state: before, after, and during
    during: Sentences = ()  # what may be worse while a fault is on; replaces the hypothesis on the same SLI
    method: tuple[Any, ...]  # the steps, in order
    recovery: Duration = Duration(15)  # steady again within this after a fault is reverted
    abort: Sentences = ()  # revert everything at once when one of these is true
    profiles: dict[str, ProfilePart] = {}  # named variations, such as `ci`
    tags: tuple[str, ...] = ()  # words to find it by
