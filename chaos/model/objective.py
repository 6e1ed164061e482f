"""A condition: one sentence, `[scope.]sli op value [for duration]`, read into a bad fraction against a budget; or one
that compares, `[scope.]percentile no worse than before [by ratio]`."""

from __future__ import annotations

from enum import StrEnum

from chaos.model.base import Noun
from chaos.model.sli import Shape, Source
from chaos.units import Duration

# In a list of SLIs whose deviation aborts a run: whichever it is.
ANY = "*"


class Op(StrEnum):
    LT = "<"
    LE = "<="
    GT = ">"
    GE = ">="


# The threshold of a comparison with before, in seconds: nothing is slow by itself.
NEVER_S = 1e6


class Condition(Noun):
    """One sentence of an experiment file, resolved against its target.

    `text` is as written. `steps` are the journey steps that count (empty: all). `budget` is the largest bad fraction
    that the sentence allows: 0.001 for `availability >= 99.9%`, 0.01 for `p99 < 2s`. `threshold` is the value in base
    units: seconds for latency, a fraction for ratios, the plain number for a gauge.

    With a `tolerance` the percentile is compared with the window before the first fault: it may be longer by so much,
    0.2 for 20 %. Then nothing is bad by itself, and `threshold` is NEVER_S.
    """

    text: str
    sli: str  # `availability`, `p99`, `db-query.p95`, `stock-left`
    source: Source
    shape: Shape
    op: Op
    threshold: float
    budget: float
    steps: tuple[str, ...] = ()
    percentile: float | None = None  # 99.0 for p99
    hold: Duration = Duration(0)  # abort conditions: true for so long before it counts
    line: int | None = None
    tolerance: float | None = None

    @property
    def key(self) -> str:
        """What makes two sentences the same question: the SLI and its scope, without the value. A comparison with
        before is another question than an objective."""
        if self.tolerance is not None:
            return self.text.split(" by ")[0].strip()
        return self.text.split("<")[0].split(">")[0].strip()
