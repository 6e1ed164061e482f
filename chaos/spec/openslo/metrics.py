"""One OpenSLO indicator as an SLI of ours, and one objective as a sentence."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from chaos.model.promql import is_selector
from chaos.model.sli import LOAD_SLIS
from chaos.spec.condition import GAUGE_BUDGET
from chaos.spec.marked import Key, Node, plain
from chaos.spec.openslo import words

_OPS = {said: op.value for op, said in words.OPS.items()}
_SUM = re.compile(r"sum\s*\((.*)\)", re.DOTALL)


class NotTaken(Exception):
    """This cannot be said in a target file; `path` is where it stands in the document."""

    def __init__(self, message: str, path: tuple[Key, ...] = ()) -> None:
        super().__init__(message)
        self.path = path


@dataclass(frozen=True, kw_only=True, slots=True)
class Indicator:
    """What is measured. `sli` is its part of a target file; None where it is our own traffic's, which `measure` and
    `scope` name."""

    threshold: bool  # a metric that an objective compares with a value
    histogram: bool = False
    sli: dict[str, Any] | None = None
    measure: str = ""
    scope: str = ""
    counts_bad: bool = False


def indicator(root: Node, path: tuple[Key, ...], sources: Mapping[str, str]) -> Indicator:
    """Of an SLI's spec. Raises: NotTaken."""
    spec = root.find(*path)
    ratio, threshold = spec.get("ratioMetric"), spec.get("thresholdMetric")
    if (ratio is None) == (threshold is None):
        raise NotTaken("needs exactly one of ratioMetric and thresholdMetric", path)
    if threshold is not None:
        return _threshold(threshold, (*path, "thresholdMetric"), sources)
    assert ratio is not None
    return _ratio(ratio, (*path, "ratioMetric"), sources)


def _threshold(node: Node, path: tuple[Key, ...], sources: Mapping[str, str]) -> Indicator:
    kind, spec = _source(node, path, sources)
    if kind == words.LOAD:
        if spec.get("measure") != words.LATENCY:
            raise NotTaken(f"our own traffic has no '{spec.get('measure')}' that a value is compared with", path)
        return Indicator(threshold=True, measure=words.LATENCY, scope=str(spec.get("scope", "")))
    if kind == words.HTTP:
        return Indicator(threshold=True, sli=_renamed(spec, {"service": "http", "path": "path", "json": "json"}, path))
    if kind == words.SQL:
        return Indicator(threshold=True, sli=_renamed(spec, {"database": "sql", "query": "query"}, path))
    if kind != words.PROMETHEUS:
        raise NotTaken(f"'{kind}' is a source that is not read here", path)
    if "scrape" in spec:
        keys = {"scrape": "prometheus", "histogram": "histogram", "path": "path"}
        return Indicator(threshold=True, histogram=True, sli=_renamed(spec, keys, path))
    if "histogram" in spec:
        keys = {"histogram": "histogram", "service": "service"}
        return Indicator(threshold=True, histogram=True, sli={"promql": _renamed(spec, keys, path)})
    return Indicator(
        threshold=True, sli={"promql": _renamed(spec, {"query": "gauge", "service": "service", "every": "every"}, path)}
    )


def _ratio(node: Node, path: tuple[Key, ...], sources: Mapping[str, str]) -> Indicator:
    if node.get("raw") is not None:
        raise NotTaken("a ratio that was worked out elsewhere cannot be counted", (*path, "raw"))
    total, good, bad = node.get("total"), node.get("good"), node.get("bad")
    if total is None or (good is None) == (bad is None):
        raise NotTaken("needs total, and exactly one of good and bad", path)
    counter = node.get("counter")
    kind, of_total = _source(total, (*path, "total"), sources)
    word = "good" if good is not None else "bad"
    part = good if good is not None else bad
    assert part is not None
    _, of_part = _source(part, (*path, word), sources)
    if kind == words.LOAD:
        measure = str(of_part.get("measure"))
        if measure not in LOAD_SLIS or (LOAD_SLIS[measure] in words.BAD) != (word == "bad"):
            raise NotTaken(f"our own traffic does not count '{measure}' by what is {word}", (*path, word))
        return Indicator(
            threshold=False, measure=measure, scope=str(of_part.get("scope", "")), counts_bad=word == "bad"
        )
    if kind != words.PROMETHEUS:
        raise NotTaken(f"'{kind}' is a source that is not read here", (*path, "total"))
    if counter is None or counter.value is not True:
        raise NotTaken("only raw counters are read: counter must be true", (*path, "counter"))
    if word == "bad":
        raise NotTaken("a target file counts what is good, and all; write a query for the good ones", (*path, "bad"))
    keys = {"scrape": "prometheus", "query": "good", "path": "path", "service": "service"}
    sli = _renamed(of_part, keys, (*path, "good"))
    sli["good"] = _selector(str(sli.get("good", "")), (*path, "good"))
    sli["total"] = _selector(str(of_total.get("query", "")), (*path, "total"))
    if "prometheus" in sli:
        return Indicator(threshold=False, sli=sli)
    return Indicator(threshold=False, sli={"promql": sli})


def _source(node: Node, path: tuple[Key, ...], sources: Mapping[str, str]) -> tuple[str, dict[str, Any]]:
    """(type, spec) of a metric source. Raises: NotTaken."""
    source = node.get("metricSource")
    spec = None if source is None else source.get("spec")
    if source is None or spec is None or not spec.is_mapping:
        raise NotTaken("needs a metricSource with a spec", path)
    kind, reference = source.get("type"), source.get("metricSourceRef")
    word = kind.text if kind is not None else sources.get(reference.text, "") if reference is not None else ""
    if not word:
        raise NotTaken("nothing says which source it is: neither type nor a DataSource", (*path, "metricSource"))
    known = {name.lower(): name for name in (words.LOAD, words.PROMETHEUS, words.HTTP, words.SQL)}
    return known.get(word.lower(), word), {key: plain(value) for key, value in spec.items()}


def _renamed(spec: Mapping[str, Any], keys: Mapping[str, str], path: tuple[Key, ...]) -> dict[str, Any]:
    strange = [key for key in spec if key not in keys]
    if strange:
        raise NotTaken(f"'{strange[0]}' is not known there; {', '.join(keys)} are", path)
    return {ours: spec[key] for key, ours in keys.items() if key in spec}


def _selector(query: str, path: tuple[Key, ...]) -> str:
    """`sum(x)` is what we do with a selector anyway. Raises: NotTaken for anything that is no raw counter."""
    text = query.strip()
    while (inner := _SUM.fullmatch(text)) is not None:
        text = inner[1].strip()
    if not is_selector(text):
        raise NotTaken(f"'{query}' is no selector of raw counters: no rate() and no operator can be undone", path)
    return text


def sentence(node: Node, path: tuple[Key, ...], what: Indicator, sli: str) -> str:
    """An objective as a condition: `pages.p99 < 2s`. Raises: NotTaken."""
    target = _target(node, path)
    scope = f"{what.scope}." if what.scope else ""
    if not what.threshold:
        name = sli or f"{scope}{what.measure}"
        if what.counts_bad:
            return f"{name} <= {_percent(1 - target)}"
        return f"{name} >= {_percent(target)}"
    op, value = node.get("op"), node.get("value")
    if op is None or op.text not in _OPS or value is None or not isinstance(value.value, int | float):
        raise NotTaken("needs op (lt, lte, gt, gte) and value: its metric is compared with a value", path)
    if what.sli is None or what.histogram:
        if op.text not in ("lt", "lte"):
            raise NotTaken("a percentile is an upper limit: op must be lt or lte", (*path, "op"))
        name = f"{sli}." if what.sli is not None else scope
        return f"{name}p{words.number(round(target * 100, 10))} {_OPS[op.text]} {words.number(value.value)}s"
    return f"{sli} {_OPS[op.text]} {words.number(value.value)}"


def readings(node: Node, path: tuple[Key, ...], what: Indicator) -> dict[str, Any]:
    """How many of a gauge's must be good, which its sentence does not say; nothing where it is as many as usual."""
    if not what.threshold or what.sli is None or what.histogram:
        return {}
    target = _target(node, path)
    return {} if abs(target - (1 - GAUGE_BUDGET)) <= 1e-9 else {"target": _percent(target)}


def slices(node: Node, path: tuple[Key, ...]) -> dict[str, Any]:
    """Of time. Raises: NotTaken."""
    goal, window = node.get("timeSliceTarget"), node.get("timeSliceWindow")
    if goal is None or window is None or not isinstance(goal.value, int | float) or not 0 < goal.value <= 1:
        raise NotTaken("Timeslices need timeSliceTarget (above 0, at most 1) and timeSliceWindow", path)
    # A plain number counts minutes.
    length_s = words.seconds(window.text) if isinstance(window.value, str) else None
    if isinstance(window.value, int | float) and not isinstance(window.value, bool):
        length_s = float(window.value) * 60
    if length_s is None or length_s <= 0:
        raise NotTaken(f"'{window.text}' is no length of a time slice", (*path, "timeSliceWindow"))
    return {"budgeting": "timeslices", "slice": f"{words.number(length_s)}s", "slice-target": _percent(goal.value)}


def _target(node: Node, path: tuple[Key, ...]) -> float:
    """Raises: NotTaken for 0 % and 100 %, and for what is no share."""
    share, percent = node.get("target"), node.get("targetPercent")
    if (share is None) == (percent is None):
        raise NotTaken("needs exactly one of target and targetPercent", path)
    given = share if share is not None else percent
    word = "target" if share is not None else "targetPercent"
    assert given is not None
    if not isinstance(given.value, int | float) or isinstance(given.value, bool):
        raise NotTaken(f"'{given.text}' is no number", (*path, word))
    value = round(float(given.value) / (1 if share is not None else 100), 12)
    if not 0 < value < 1:
        raise NotTaken(
            f"{_percent(value)} leaves no error budget, or nothing else; between them it must be", (*path, word)
        )
    return value


def _percent(ratio: float) -> str:
    return f"{words.number(round(ratio * 100, 10))}%"
