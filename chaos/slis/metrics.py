"""Counters and histograms out of a page of metrics, and how much they grew between two pages."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from prometheus_client.parser import text_string_to_metric_families

from chaos.errors import SpecError, Unavailable, nearest

# `http_requests_total{code="200", method="GET"}`
_SELECTOR = re.compile(r"\s*([a-zA-Z_:][a-zA-Z0-9_:]*)\s*(?:\{(.*)\})?\s*")
_LABEL = re.compile(r'\s*([a-zA-Z_][a-zA-Z0-9_]*)\s*=\s*"((?:[^"\\]|\\.)*)"\s*(?:,|$)')
# Exposed by every Prometheus client on Linux: another value is another process, whose counters began at zero.
_PROCESS_START = "process_start_time_seconds"

Labels = frozenset[tuple[str, str]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Selector:
    """A metric, and the labels that a series must have to count."""

    name: str
    labels: Labels = frozenset()

    @classmethod
    def parse(cls, text: str) -> Selector:
        """Raises: SpecError."""
        found = _SELECTOR.fullmatch(text)
        inside = found[2] or "" if found is not None else ""
        pairs = _LABEL.findall(inside)
        if found is None or _LABEL.sub("", inside).strip():
            raise SpecError(f'{text!r} is not a metric; write name or name{{label="value"}}, with = and nothing else')
        return cls(name=found[1], labels=frozenset((name, value.replace('\\"', '"')) for name, value in pairs))


@dataclass(frozen=True, kw_only=True, slots=True)
class Page:
    """The series that were asked for, as one page of metrics had them."""

    series: Mapping[str, Mapping[Labels, float]]  # sample name -> labels -> value
    names: frozenset[str]  # every metric name on the page, also those without series yet
    started: float | None

    def sum(self, selector: Selector) -> float:
        """Over all series that have the labels. Raises: Unavailable for a metric that the page does not have, and for a
        value that no counter has."""
        return sum(self.matching(selector).values())

    def matching(self, selector: Selector) -> dict[Labels, float]:
        """The same series, one by one."""
        # A client that has counted nothing yet may name the metric with or without its suffix.
        base = selector.name.removesuffix("_total").removesuffix("_bucket")
        if selector.name not in self.names and base not in self.names:
            raise Unavailable(f"no metric '{selector.name}'.{nearest(selector.name, self.names)}")
        found = self.series.get(selector.name, {})
        matching = {labels: value for labels, value in found.items() if selector.labels <= labels}
        for labels, value in matching.items():
            if not 0 <= value < float("inf"):
                inside = ", ".join(f'{name}="{text}"' for name, text in sorted(labels))
                raise Unavailable(f"{selector.name}{{{inside}}} is {value}, which no counter can be")
        return matching


def parse(text: str, wanted: Iterable[str]) -> Page:
    """Read only the series of the wanted names: parsing a whole page costs more than the shop's request does.
    Raises: Unavailable when it is not a page of metrics."""
    names: set[str] = set()
    kept: list[str] = []
    keep = {*wanted, _PROCESS_START}
    for line in text.splitlines():
        if line.startswith("# TYPE "):
            names.add(line.split(" ", 3)[2])
        elif line and line[0] != "#":
            name = line.partition("{")[0].partition(" ")[0]
            names.add(name)
            if name in keep:
                kept.append(line)
    series: dict[str, dict[Labels, float]] = {}
    try:
        for family in text_string_to_metric_families("\n".join(kept) + "\n"):
            for sample in family.samples:
                series.setdefault(sample.name, {})[frozenset(sample.labels.items())] = sample.value
    except (ValueError, KeyError, IndexError) as cause:
        raise Unavailable(f"not a page of metrics: {cause}") from cause
    if not names:
        raise Unavailable("not a page of metrics: there is no metric on it")
    started = next(iter(series.get(_PROCESS_START, {}).values()), None)
    return Page(series=series, names=frozenset(names), started=started)


def bound_for(page: Page, selector: Selector, threshold_s: float) -> float | None:
    """The largest bucket bound, in seconds, that is not above the threshold: what lies between them is counted as slow.
    None when there is no series yet. Raises: Unavailable when even the first bucket is above the threshold."""
    bounds = {float(dict(labels)["le"]) for labels in page.matching(selector) if "le" in dict(labels)}
    if not bounds:
        return None
    # A bound is written in decimal, a threshold may come from `50ms`: equal but for floating point is equal.
    below = [bound for bound in bounds if bound <= threshold_s * (1 + 1e-9)]
    if not below:
        raise Unavailable(f"{selector.name}: its first bucket ends at {min(bounds):g} s, above {threshold_s:g} s")
    return max(below)


@dataclass(kw_only=True, slots=True)
class Growth:
    """How much counters grew since the page before. A restarted process begins at zero: then what it has counted since
    is what it grew by, and what the old one counted after the last page is lost."""

    _before: dict[str, float] = field(default_factory=dict)
    _started: float | None = None

    def since(self, counters: Mapping[str, float], started: float | None) -> dict[str, float] | None:
        """The counters' differences; None the first time. All of them are reset together, or a half-reset pair would
        give a ratio of two different spans."""
        before, self._before = self._before, dict(counters)
        other_process = started is not None and self._started is not None and started != self._started
        self._started = started
        if not before:
            return None
        if other_process or any(value < before.get(name, 0.0) for name, value in counters.items()):
            before = {}
        return {name: value - before.get(name, 0.0) for name, value in counters.items()}
