"""What a Prometheus server is asked about an SLO: selectors of raw counters, and their growth; a gauge, and how many of
its readings were beyond the threshold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from chaos.model.objective import Condition, Op
from chaos.model.promql import bucket_selector, filled
from chaos.model.sli import Shape, Sli, Source
from chaos.model.slo import Slo

_BEYOND = {Op.LT: ">=", Op.LE: ">", Op.GT: "<=", Op.GE: "<"}
# A hair's breadth for floating point: 95 % of 20 is 19.
HAIR = 1e-9
_UNITS = (("d", 86400), ("h", 3600), ("m", 60), ("s", 1))


class NoCounters(Exception):
    """No Prometheus counts what this SLO is about; the message says why."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Counters:
    """The selectors of an SLI's raw counters. `complete`: the good one is there whenever the total is, as a histogram's
    buckets are. Where it is not, its absence means that nothing is known: a histogram may have no such bucket."""

    good: str
    total: str
    complete: bool = False

    def grew(self, function: str, span: str) -> tuple[str, str]:
        """(good, total) over a span, by `rate` or `increase`."""
        good, total = (f"sum({function}({one}[{span}]))" for one in (self.good, self.total))
        if not self.complete:
            return f"({good} or vector(0))", total
        # Of an instance with other buckets all would count as bad; one of them, and nobody knows.
        others = f"last_over_time({self.total}[{span}]) unless ignoring(le) last_over_time({self.good}[{span}])"
        return f"({good} unless on() ({others}))", total


@dataclass(frozen=True, kw_only=True, slots=True)
class Readings:
    """Of a gauge. `bad` is 1 while it is beyond the threshold and 0 while it is not; nothing while it is not there, is
    NaN or infinite, or is several series: then nobody has read it."""

    gauge: str
    bad: str
    every_s: float

    def ratio(self, seconds: float) -> str:
        """The bad share of the last so many seconds' readings."""
        return f"avg_over_time(({self.bad})[{duration(seconds)}:{self._step(seconds)}])"

    def counted(self, seconds: float) -> tuple[str, str]:
        """(bad, total) of them."""
        span = f"({self.bad})[{duration(seconds)}:{self._step(seconds)}]"
        return f"sum_over_time({span})", f"count_over_time({span})"

    def several(self, seconds: float) -> str:
        """How often it was more than one series in the last so many seconds; nothing where it never was."""
        many = f"count({_closed(self.gauge)}) > 1"
        return f"count_over_time(({many})[{duration(seconds)}:{self._step(seconds)}])"

    def _step(self, seconds: float) -> str:
        return duration(max(1, min(self.every_s, seconds)))


def measured(slo: Slo, slis: Mapping[str, Sli], words: Mapping[str, str]) -> Counters | Readings:
    """Of the SLI that it is about; `words` are for `{name}` in queries. Raises: NoCounters for one that no Prometheus
    has."""
    condition = slo.objective
    name = "" if condition is None else condition.sli.partition(".")[0]
    sli = slis.get(name)
    if condition is None or sli is None:
        raise NoCounters(
            f"{slo.name}: '{slo.condition}' is measured on our own customers; an SLI of your Prometheus would do"
        )
    known = {**words, "service": sli.service or ""}
    try:
        if sli.shape is Shape.HISTOGRAM and sli.histogram is not None:
            histogram = filled(sli.histogram, known)
            bucket = bucket_selector(histogram, _spellings(condition.threshold))
            return Counters(good=bucket, total=_count_of(histogram), complete=True)
        if sli.good is not None and sli.total is not None:
            return Counters(good=filled(sli.good, known).strip(), total=filled(sli.total, known).strip())
        if sli.source is Source.PROMQL and sli.gauge is not None:
            gauge = filled(sli.gauge, known).strip()
            return Readings(gauge=gauge, bad=_beyond(gauge, condition), every_s=float(sli.every))
    except (KeyError, ValueError) as cause:
        raise NoCounters(f"{slo.name}: the query of '{name}' cannot be filled in: {cause}") from cause
    raise NoCounters(
        f"{slo.name}: '{slo.condition}' is a reading from {sli.source.value}, and no Prometheus has it; a gauge of "
        "your Prometheus would do"
    )


def _beyond(gauge: str, condition: Condition) -> str:
    one = f"vector(scalar({_closed(gauge)}))"
    return f"({one} > -Inf < +Inf) {_BEYOND[condition.op]} bool {condition.threshold:.12g}"


def _closed(query: str) -> str:
    """So that a comment at its end does not take the bracket behind it with it."""
    return f"{query}\n" if "#" in query else query


def duration(seconds: float) -> str:
    """As Prometheus writes it: `5m`, `2h24m`, `90s`, `30d`."""
    left, parts = round(seconds), []
    for unit, size in _UNITS:
        if left >= size:
            parts.append(f"{left // size}{unit}")
            left %= size
    return "".join(parts) or "0s"


def bad_ratio(found: Counters, seconds: float) -> str:
    """The bad share of what happened; nothing where nothing did."""
    good, total = found.grew("rate", duration(seconds))
    return f"clamp_min(({total} - {good}) / ({total} > 0), 0)"


def bad_slice(ratio: str, target: float) -> str:
    """1 for a slice of time of which more than the rest of `target` was bad, 0 for another one."""
    return f"{ratio} > bool {1 - target + HAIR:.12g}"


def bad_and_total(slo: Slo, found: Counters | Readings, seconds: float) -> tuple[str, str]:
    """Two queries for what was counted in the last so many seconds: events, readings, or slices of time with any."""
    span = duration(max(1, seconds))
    if slo.slice is None or slo.slice_target is None:
        if isinstance(found, Readings):
            return found.counted(max(1, seconds))
        good, total = found.grew("increase", span)
        return f"clamp_min({total} - {good}, 0)", total
    slice_s = float(slo.slice)
    ratio = found.ratio(slice_s) if isinstance(found, Readings) else bad_ratio(found, slice_s)
    is_bad = f"({bad_slice(ratio, slo.slice_target)})"
    slices = f"{is_bad}[{span}:{duration(slice_s)}]"
    return f"sum_over_time({slices})", f"count_over_time({slices})"


def _count_of(histogram: str) -> str:
    name, brace, rest = histogram.strip().partition("{")
    return f"{name.strip()}_count{brace}{rest}"


def _spellings(threshold_s: float) -> tuple[str, ...]:
    """Of the bucket that ends there. Clients write a whole number as `1` or as `1.0`."""
    text = f"{threshold_s:.10g}"
    return (text,) if "." in text or "e" in text else (text, f"{text}.0")
