"""What a screen shows of a run that is under way."""

from __future__ import annotations

from chaos.model.base import Noun


class LiveCondition(Noun):
    """One sentence of the current window, as it stands now."""

    text: str  # as written: `pages.p99 < 2s`
    value: str  # for people: `412 ms`, `99.97 %`; `-` while there is nothing to show
    ok: bool | None  # None: too few samples to say


class LiveFigures(Noun):
    """A few times a second. Rates and percentiles are of the last second or so; all of it is of the moment, and the
    verdict is made from the record alone."""

    at_s: float  # seconds since the run's start
    window: str = ""  # the window's name; empty between windows
    window_elapsed_s: float = 0.0
    window_length_s: float = 0.0
    rate: float = 0.0  # requests a second
    error_ratio: float | None = None
    p50_s: float | None = None
    p99_s: float | None = None
    in_flight: int = 0
    conditions: tuple[LiveCondition, ...] = ()
