"""What a Prometheus server is asked about an SLO: selectors of raw counters, and their growth."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from chaos.model.promql import bucket_selector, filled
from chaos.model.sli import Shape, Sli
from chaos.model.slo import Slo

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
        good = f"sum({function}({self.good}[{span}]))"
        return good if self.complete else f"({good} or vector(0))", f"sum({function}({self.total}[{span}]))"


def counters(slo: Slo, slis: Mapping[str, Sli], words: Mapping[str, str]) -> Counters:
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
    except (KeyError, ValueError) as cause:
        raise NoCounters(f"{slo.name}: the query of '{name}' cannot be filled in: {cause}") from cause
    raise NoCounters(f"{slo.name}: '{slo.condition}' is a reading from {sli.source.value}, and no counter")


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


def bad_and_total(slo: Slo, found: Counters, seconds: float) -> tuple[str, str]:
    """Two queries for what was counted in the last so many seconds: events, or slices of time with events."""
    span = duration(max(1, seconds))
    if slo.slice is None or slo.slice_target is None:
        good, total = found.grew("increase", span)
        return f"clamp_min({total} - {good}, 0)", total
    slices = bad_ratio(found, float(slo.slice))
    step = duration(float(slo.slice))
    is_bad = f"({slices} > bool {1 - slo.slice_target:.12g})"
    return f"sum_over_time({is_bad}[{span}:{step}])", f"count_over_time({is_bad}[{span}:{step}])"


def _count_of(histogram: str) -> str:
    name, brace, rest = histogram.strip().partition("{")
    return f"{name.strip()}_count{brace}{rest}"


def _spellings(threshold_s: float) -> tuple[str, ...]:
    """Of the bucket that ends there. Clients write a whole number as `1` or as `1.0`."""
    text = f"{threshold_s:.10g}"
    return (text,) if "." in text or "e" in text else (text, f"{text}.0")
