"""Load a target file: its shape, then everything that one part of it says about another."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from chaos.model.sli import EVERY, Shape, Sli, Source
from chaos.model.target import (
    Compose,
    ComposeService,
    Embedded,
    Invariant,
    Journey,
    Link,
    Platforms,
    ProcessService,
    Ready,
    Service,
    Step,
    Target,
    Traffic,
    Value,
)
from chaos.spec import files, slos
from chaos.spec.convert import convert_noun
from chaos.spec.problems import Bad, Problems
from chaos.spec.target_checks import check_shape, check_target
from chaos.spec.target_file import (
    ComposePart,
    EmbeddedPart,
    InvariantPart,
    JourneyPart,
    ProcessPart,
    PromqlPart,
    ReadyPart,
    ServicePart,
    SliPart,
    StepPart,
    TargetPart,
    TrafficPart,
)

METHODS = ("get", "post", "put", "patch", "delete")
ARROW = re.compile(r"\s*->\s*")


def load_target(path: str | Path) -> Target:
    """The target that a file describes. Raises: SpecError, SpecErrors."""
    return _load(files.read(path))


def recorded_target(text: str, run: str) -> Target:
    """The target of a recorded run, from the file's text in its record. Raises: SpecError, SpecErrors."""
    return _load(files.parse(text, Path(f"the target file in the record of {run}")))


def _load(source: files.Source) -> Target:
    path = source.path
    problems = Problems(path)
    try:
        part = convert_noun(source.root, TargetPart, "", problems)
        check_shape(part, source.root, problems)
    except Bad:
        problems.done()
    problems.done()
    target = build(part, path=str(path), text=source.text)
    check_target(target, source.root, problems)
    problems.done()
    return slos.resolved(target)


def link_name(text: str) -> str:
    """`web->db` and `web  ->  db` are `web -> db`."""
    return " -> ".join(ARROW.split(text.strip()))


def build(part: TargetPart, *, path: str = "", text: str = "") -> Target:
    """The target from a file's content whose shape has been checked."""
    return Target(
        name=part.target,
        title=part.title,
        environment=part.environment,
        armed_by=part.armed_by or "",
        variants=part.variants,
        services={name: _service(name, service) for name, service in part.services.items()},
        links=dict(_link(name, link) for name, link in part.links.items()),
        traffic=None if part.traffic is None else _traffic(part.traffic),
        slis={name: _sli(name, sli) for name, sli in part.slis.items()},
        prometheus=part.prometheus,
        slos=slos.slos(part.slos),
        events=slos.events(part.events, part.slos),
        slas=slos.slas(part.slas),
        gates=slos.gates(part.gates),
        invariants=tuple(_invariant(name, invariant) for name, invariant in part.invariants.items()),
        platforms=Platforms(
            embedded=None if part.platforms.embedded is None else _embedded(part.platforms.embedded),
            compose=None if part.platforms.compose is None else _compose(part.platforms.compose, part.services),
        ),
        path=path,
        text=text,
    )


def _service(name: str, part: ServicePart) -> Service:
    return Service(
        name=name, role=part.role, count=part.count, slots=part.slots or part.count, external=part.external or ""
    )


def _link(name: str, part: Any) -> tuple[str, Link]:
    source, dest = ARROW.split(name.strip())
    link = Link(source=source, dest=dest, protocol=part.protocol, path=part.path)
    return link.name, link


def expected(text: str | int) -> tuple[int, int] | None:
    """`200-299` and `204` as a range of statuses; None when it is neither."""
    found = re.fullmatch(r"([1-5]\d\d)(?:\s*-\s*([1-5]\d\d))?", str(text))
    if found is None or int(found[2] or found[1]) < int(found[1]):
        return None
    return int(found[1]), int(found[2] or found[1])


def _step(name: str, part: StepPart) -> Step:
    method = next(method for method in METHODS if getattr(part, method) is not None)
    return Step(
        name=name,
        method=method.upper(),
        path=getattr(part, method),
        headers=part.headers,
        body=part.json,
        save=part.save,
        acknowledges=part.acknowledges,
        expect=expected(part.expect) or (200, 399),
    )


def _journey(name: str, part: JourneyPart) -> Journey:
    return Journey(name=name, weight=part.weight, steps=part.steps, transaction=part.transaction)


def _traffic(part: TrafficPart) -> Traffic:
    return Traffic(
        entry=part.entry,
        rate=part.rate,
        profiles={"normal": 1.0} | part.profiles,
        arrivals=part.arrivals,
        patience=part.patience,
        think=part.think,
        steps={name: _step(name, step) for name, step in part.steps.items()}
        | {name: Step(name=name, method="", path=path) for name, path in part.names.items()},
        groups=part.groups,
        journeys=tuple(_journey(name, journey) for name, journey in part.journeys.items()),
        values={name: Value(integer=value.integer, choice=value.choice) for name, value in part.values.items()},
        locust=part.locust,
        k6=part.k6,
    )


def _promql(name: str, part: PromqlPart) -> Sli:
    shape = Shape.COUNTER_RATIO if part.good is not None else Shape.GAUGE if part.gauge is not None else Shape.HISTOGRAM
    return Sli(
        name=name, source=Source.PROMQL, shape=shape, service=part.service, good=part.good, total=part.total,
        histogram=part.histogram, gauge=part.gauge, every=part.every or EVERY,
    )  # fmt: skip


def _sli(name: str, part: SliPart) -> Sli:
    if part.promql is not None:
        return _promql(name, part.promql)
    if part.prometheus is not None:
        shape = Shape.HISTOGRAM if part.histogram is not None else Shape.COUNTER_RATIO
        return Sli(
            name=name, source=Source.PROMETHEUS, shape=shape, service=part.prometheus, path=part.path or "/metrics",
            good=part.good, total=part.total, histogram=part.histogram,
        )  # fmt: skip
    if part.http is not None:
        return Sli(
            name=name, source=Source.HTTP, shape=Shape.GAUGE, service=part.http, path=part.path or "/", json=part.json
        )
    return Sli(name=name, source=Source.SQL, shape=Shape.GAUGE, service=part.sql, query=part.query)


def _invariant(name: str, part: InvariantPart) -> Invariant:
    return Invariant(
        name=name, sql=part.sql, query=part.query, command=part.command or (), env=part.env, within=part.within
    )


def _embedded(part: EmbeddedPart) -> Embedded:
    return Embedded(
        services={name: _process(process) for name, process in part.services.items()}, sql=part.sql, env=part.env,
        fault_proxy=part.fault_proxy,
    )  # fmt: skip


def _compose(part: ComposePart, services: Mapping[str, ServicePart]) -> Compose:
    return Compose(
        project=part.project,
        files=part.files,
        env=part.env,
        toxiproxy=part.toxiproxy,
        toxiproxy_port=part.toxiproxy_port,
        entry=part.entry,
        up_within=part.up_within,
        volumes=part.volumes,
        sql=part.sql,
        # One for every service of the target's own, and what is said of others, which `check_target` then refuses.
        services=dict.fromkeys((name for name, one in services.items() if one.external is None), ComposeService())
        | {name: ComposeService(port=one.port or 0, service=one.service) for name, one in part.services.items()},
    )


def _process(part: ProcessPart) -> ProcessService:
    return ProcessService(
        run=part.run,
        env=part.env,
        after=part.after,
        ready=_ready(part.ready),
        start_within=part.start_within,
        stop_signal=part.stop_signal,
        stop_within=part.stop_within,
        restart=part.restart,
    )


def _ready(part: str | ReadyPart) -> Ready:
    if isinstance(part, ReadyPart):
        return Ready(http=part.http, postgres=part.postgres)
    return Ready(tcp=part == "tcp", redis=part == "redis")
