"""A target's SLIs and SLOs as OpenSLO v1 documents."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC
from typing import Any

from chaos.model.objective import Condition
from chaos.model.sli import Shape, Sli, Source
from chaos.model.slo import Slo, SloEvent
from chaos.model.target import Target
from chaos.spec.openslo import words

Document = dict[str, Any]


class CannotExport(Exception):
    """One thing that OpenSLO has no words for; the message says which."""


def documents(target: Target) -> tuple[tuple[Document, ...], tuple[str, ...]]:
    """The Service, every declared SLI, every SLO; and what could not be said in OpenSLO, a line each."""
    said: list[str] = []
    found: list[Document] = [
        _document("Service", target.name, {"description": target.title or f"the target {target.name}"})
    ]
    for sli in target.slis.values():
        found.append(_document("SLI", sli.name, _sli(sli)))
    for slo in target.slos:
        try:
            found.append(_slo(slo, target))
        except CannotExport as reason:
            said.append(f"SLO {slo.name}: {reason}")
    said += [f"SLA {sla.name}: OpenSLO has no agreements" for sla in target.slas]
    seen: dict[tuple[str, str], str] = {}
    for document in found:
        key = (document["kind"], document["metadata"]["name"])
        name = document["metadata"].get("annotations", {}).get(words.NAME, key[1])
        if key in seen:
            said.append(f"{key[0]} {name}: OpenSLO's name for it, '{key[1]}', is that of {seen[key]} too")
        seen.setdefault(key, name)
    return tuple(found), tuple(said)


def _document(kind: str, name: str, spec: Document, annotations: Mapping[str, str] | None = None) -> Document:
    return {"apiVersion": words.API_VERSION, "kind": kind, "metadata": _metadata(name, annotations), "spec": spec}


def _metadata(name: str, annotations: Mapping[str, str] | None = None) -> Document:
    short = words.label(name)
    kept = dict(annotations or {}) | ({words.NAME: name} if short != name else {})
    return {"name": short} | ({"annotations": kept} if kept else {})


def _sli(sli: Sli) -> Document:
    if sli.shape is Shape.COUNTER_RATIO:
        return _ratio(good=_prometheus(sli, query=sli.good), total=_prometheus(sli, query=sli.total))
    if sli.shape is Shape.HISTOGRAM:
        return {"thresholdMetric": _prometheus(sli, histogram=sli.histogram)}
    if sli.source is Source.HTTP:
        return {"thresholdMetric": _source(words.HTTP, service=sli.service, path=sli.path, json=sli.json)}
    if sli.source is Source.SQL:
        return {"thresholdMetric": _source(words.SQL, database=sli.service, query=sli.query)}
    return {"thresholdMetric": _prometheus(sli, query=getattr(sli, "gauge", None))}


def _prometheus(sli: Sli, **spec: str | None) -> Document:
    """`scrape` says that it is read from the instances of a service, and not asked of a server."""
    if sli.source is Source.PROMETHEUS:
        path = None if sli.path == "/metrics" else sli.path
        return _source(words.PROMETHEUS, **spec, scrape=sli.service, path=path)
    return _source(words.PROMETHEUS, **spec, service=sli.service)


def _source(kind: str, **spec: str | None) -> Document:
    given = {key: value for key, value in spec.items() if value is not None}
    return {"metricSource": {"type": kind, "spec": given}}


def _ratio(**parts: Document) -> Document:
    return {"ratioMetric": {"counter": True} | parts}


def _slo(slo: Slo, target: Target) -> Document:
    condition = slo.objective
    if condition is None:
        raise CannotExport("its sentence was not read")
    indicator: Document = {"indicatorRef": words.label(_declared(condition, target))}
    if condition.source is Source.LOAD:
        indicator = {"indicator": {"metadata": _metadata(f"{slo.name}-sli"), "spec": _of_load(condition)}}
    window, annotations = _window(slo, target.events)
    objective: Document = {"target": round(1 - condition.budget, 12)}
    if condition.shape in (Shape.LATENCY, Shape.HISTOGRAM, Shape.GAUGE):
        objective |= {"op": words.OPS[condition.op], "value": condition.threshold}
    if slo.slice is not None and slo.slice_target is not None:
        length: str | float = words.shorthand(float(slo.slice)) or float(slo.slice) / 60
        objective |= {"timeSliceTarget": round(float(slo.slice_target), 12), "timeSliceWindow": length}
    spec = {
        "service": words.label(target.name),
        **indicator,
        "timeWindow": [window],
        "budgetingMethod": "Timeslices" if slo.budgeting == "timeslices" else "Occurrences",
        "objectives": [objective],
    }
    return _document("SLO", slo.name, spec, annotations)


def _declared(condition: Condition, target: Target) -> str:
    return condition.sli if condition.sli in target.slis else condition.sli.partition(".")[0]


def _of_load(condition: Condition) -> Document:
    scope = condition.key.rpartition(".")[0] if condition.steps else None
    if condition.shape is Shape.LATENCY:
        # `p99.9` has a point of its own.
        scope = condition.key.rpartition(f".{condition.sli}")[0] or None
        return {"thresholdMetric": _source(words.LOAD, measure=words.LATENCY, scope=scope)}
    counted = "bad" if condition.shape in words.BAD else "good"
    parts = {
        count: _source(words.LOAD, measure=condition.sli, scope=scope, count=count) for count in (counted, "total")
    }
    return _ratio(**parts)


def _window(slo: Slo, events: Mapping[str, SloEvent]) -> tuple[Document, dict[str, str]]:
    window = slo.window
    if window.calendar is not None:
        calendar = {"startTime": words.BEGINNING, "timeZone": window.time_zone}
        return {"duration": words.CALENDAR[window.calendar], "isRolling": False, "calendar": calendar}, {}
    event = events[window.event] if window.event is not None else None
    length = float(event.lasts if event is not None else window.rolling or 0)
    duration = words.shorthand(length)
    if duration is None:
        raise CannotExport(f"OpenSLO has no windows of {length:g} s: whole minutes are the least")
    if event is None:
        return {"duration": duration, "isRolling": True}, {}
    annotations = {words.EVENT: event.name}
    if event.traffic != "normal":
        annotations[words.TRAFFIC] = event.traffic
    if event.starts is None:
        return {"duration": duration, "isRolling": True}, annotations
    starts = event.starts.astimezone(UTC).replace(tzinfo=None, microsecond=0)  # its zone is beside it in the file
    return {
        "duration": duration, "isRolling": False, "calendar": {"startTime": starts, "timeZone": "UTC"},
    }, annotations  # fmt: skip
