"""What one part of a target file says about another: names that must exist, forms that must be whole."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from chaos.errors import nearest
from chaos.model.sli import LOAD_SLIS
from chaos.model.target import Target, Traffic
from chaos.spec import condition, promql, slo_checks, templates
from chaos.spec.convert import unknown
from chaos.spec.marked import Key, Node
from chaos.spec.printable import check_printable
from chaos.spec.problems import Problems
from chaos.spec.target_file import InvariantPart, SliPart, StepPart, TargetPart, TrafficPart, ValuePart

NAME = re.compile(condition.NAME)
# Files of the state folder, and a Docker volume, have it in their names. As a label of the DNS (RFC 1035).
NAME_MAX = 63
ARROW = re.compile(r"\s*->\s*")
STATUS = re.compile(r"[1-5]\d\d(\s*-\s*[1-5]\d\d)?")
METHODS = ("get", "post", "put", "patch", "delete")
_VARIABLE = re.compile(r"\{([^{}\s\"':,]*)\}")

# Variables that every step has without declaring them.
BUILT_IN = ("uuid", "customer")


def check_shape(part: TargetPart, root: Node, problems: Problems) -> None:
    """What must be right before a target can be built from the file's parts."""
    _names(part, root, problems)
    for name, service in part.services.items():
        if service.slots is not None and service.slots < service.count:
            message = f"{service.slots} is fewer than the {service.count} that run"
            problems.at(root, ("services", name, "slots"), message)
        if service.external is not None:
            _external_shape(part, name, root, problems)
    for link in part.links:
        ends = ARROW.split(link.strip())
        if len(ends) != 2:
            problems.report(root.find("links").place_of(link), "links", f"'{link}' is not a link; write 'web -> db'")
            continue
        for end in ends:
            if end not in part.services:
                message = f"'{link}': {unknown('service', end, tuple(part.services))}"
                problems.report(root.find("links").place_of(link), "links", message)
    if part.traffic is not None:
        _traffic_shape(part.traffic, root, problems)
    for name, sli in part.slis.items():
        _sli_shape(sli, root, ("slis", name), problems)
    for name, invariant in part.invariants.items():
        _invariant_shape(invariant, root, ("invariants", name), problems)
    slo_checks.check_shape(part, root, problems)
    if part.armed_by is not None and part.environment != "production":
        problems.at(root, ("armed-by",), f"only production is armed, and this is {part.environment}")
    elif part.armed_by == "":
        problems.at(root, ("armed-by",), "names no file; with none at all, the target's name arms it")
    embedded = part.platforms.embedded
    for name, process in embedded.services.items() if embedded is not None else ():
        path = ("platforms", "embedded", "services", name, "ready")
        if not isinstance(process.ready, str) and (process.ready.http is None) == (process.ready.postgres is None):
            problems.at(root, path, "needs exactly one of http and postgres, or the word tcp or redis")


def _external_shape(part: TargetPart, name: str, root: Node, problems: Problems) -> None:
    service = part.services[name]
    if service.count != 1 or service.slots not in (None, 1):
        problems.at(root, ("services", name), "one that is external has neither count nor slots: it is not ours to run")
    if not 1 <= int(str(service.external).rpartition(":")[2]) <= 65535:
        problems.at(root, ("services", name, "external"), f"{service.external!r} has no port from 1 to 65535")
    for platform in ("embedded", "compose"):
        described = getattr(part.platforms, platform)
        if platform == "embedded" and described is not None:
            problems.at(root, ("services", name, "external"), "the embedded platform runs every service itself")
        elif described is not None and name in described.services:
            place = root.find("platforms", platform, "services").place_of(name)
            problems.report(place, f"platforms.{platform}.services", f"'{name}' is external: it has no container")
    if any(ARROW.split(link.strip())[0] == name for link in part.links):
        problems.at(root, ("services", name, "external"), "nothing is known of what an external service dials")


def check_target(target: Target, root: Node, problems: Problems) -> None:
    """What can only be said of the whole."""
    if target.traffic is not None:
        _traffic(target, target.traffic, root, problems)
    for name, sli in target.slis.items():
        source = root.find("slis", name).keys.keys() & {"prometheus", "http"}
        if source and sli.service not in target.services:
            word = next(iter(source))
            problems.at(root, ("slis", name, word), unknown("service", str(sli.service), tuple(target.services)))
    _databases(target, root, problems)
    promql.check(target, root, problems)
    slo_checks.check_slos(target, root, problems)
    templates.check_invariants(target, root, problems)
    _embedded(target, root, problems)
    _compose(target, root, problems)


def _names(part: TargetPart, root: Node, problems: Problems) -> None:
    traffic = part.traffic
    named: list[tuple[tuple[Key, ...], Iterable[str]]] = [
        (("services",), part.services),
        (("slis",), part.slis),
        (("invariants",), part.invariants),
        (("events",), part.events),
        (("slas",), part.slas),
    ]
    if traffic is not None:
        named += [
            (("traffic", word), getattr(traffic, word)) for word in ("steps", "names", "groups", "journeys", "values")
        ]
    for path, words in named:
        for word in words:
            if not NAME.fullmatch(word):
                node = root.find(*path).place_of(word)
                problems.report(node, path[-1] if isinstance(path[-1], str) else "", _bad_name(word))
    if not NAME.fullmatch(part.target):
        problems.at(root, ("target",), _bad_name(part.target))
    elif len(part.target) > NAME_MAX:
        problems.at(root, ("target",), f"is {len(part.target)} characters long; {NAME_MAX} are the most")
    check_printable([(("title",), part.title)], root, problems)
    for index, slo in enumerate(part.slos):
        if slo.name is not None and not NAME.fullmatch(slo.name):
            problems.at(root, ("slos", index, "name"), _bad_name(slo.name))
    for index, variant in enumerate(part.variants):
        if not NAME.fullmatch(variant) or variant in part.variants[:index]:
            problems.at(root, ("variants", index), _bad_name(variant))
    taken: dict[str, str] = dict.fromkeys(LOAD_SLIS, "an SLI of every target")
    scopes: list[tuple[tuple[Key, ...], str, Iterable[str]]] = [(("slis",), "SLI", part.slis)]
    if traffic is not None:
        scopes += [
            (("traffic", "steps"), "step", traffic.steps),
            (("traffic", "names"), "step", traffic.names),
            (("traffic", "groups"), "group", traffic.groups),
        ]
    for path, what, words in scopes:
        for word in words:
            node = root.find(*path).place_of(word)
            if word in taken or condition.is_percentile(word):
                message = f"'{word}' is {taken.get(word, 'a percentile')} already; conditions could not tell them apart"
                problems.report(node, str(path[-1]), message)
            taken[word] = f"the name of a {what}"


def _bad_name(word: str) -> str:
    return f"'{word}' cannot be a name here: use letters, digits, '-' and '_', beginning with a letter, each name once"


def _engine_shape(traffic: TrafficPart, root: Node, problems: Problems) -> None:
    """Either steps and journeys of our own, or another engine with its names for them."""
    engines = [word for word in ("locust", "k6") if getattr(traffic, word) is not None]
    base: tuple[Key, ...] = ("traffic",)
    if len(engines) > 1:
        problems.at(root, base, "has both locust and k6; one of them makes the traffic")
    for word in ("steps", "journeys"):
        if not engines and not getattr(traffic, word):
            problems.at(root, base, f"missing key '{word}'")
        if engines and getattr(traffic, word):
            problems.at(root, (*base, word), f"{engines[0]} makes the traffic; say under `names` what it calls a step")
    if traffic.names and not engines:
        problems.at(root, (*base, "names"), "are for the engines locust and k6; our own steps stand under `steps`")
    k6, locust = traffic.k6, traffic.locust
    if k6 is not None and (k6.script is None) == (k6.output is None):
        problems.at(root, (*base, "k6"), "needs exactly one of script and output")
    if k6 is not None and k6.output is not None and k6.args:
        problems.at(root, (*base, "k6", "args"), "are for a k6 that is started here, with script")
    if locust is not None and not locust.processes + locust.remote:
        problems.at(root, (*base, "locust"), "has no worker: neither processes nor remote")
    if locust is not None and not re.fullmatch(r"[^\s:]+:\d{1,5}", locust.listen):
        problems.at(root, (*base, "locust", "listen"), f"{locust.listen!r} is not host:port")


def _traffic_shape(traffic: TrafficPart, root: Node, problems: Problems) -> None:
    _engine_shape(traffic, root, problems)
    for name, step in traffic.steps.items():
        _step_shape(step, root, ("traffic", "steps", name), problems)
    for name, value in traffic.values.items():
        _value_shape(value, root, ("traffic", "values", name), problems)


def _step_shape(step: StepPart, root: Node, path: tuple[Key, ...], problems: Problems) -> None:
    methods = [method for method in METHODS if getattr(step, method) is not None]
    if len(methods) != 1:
        got = " and ".join(methods) if methods else "none of them"
        problems.at(root, path, f"needs exactly one of {', '.join(METHODS)}; got {got}")
    text = str(step.expect)
    if not STATUS.fullmatch(text) or ("-" in text and int(text[:3]) > int(text[-3:])):
        problems.at(root, (*path, "expect"), f"{text!r} is not a range of statuses; write 200 or 200-299")
    if step.acknowledges is not None and step.acknowledges not in step.save:
        message = unknown("variable", step.acknowledges, tuple(step.save)) + " It must be one that this step saves."
        problems.at(root, (*path, "acknowledges"), message)


def _value_shape(value: ValuePart, root: Node, path: tuple[Key, ...], problems: Problems) -> None:
    if (value.integer is None) == (value.choice is None):
        problems.at(root, path, "needs exactly one of integer and choice")
    if value.integer is not None and value.integer[0] > value.integer[1]:
        problems.at(root, (*path, "integer"), f"{value.integer[0]} is more than {value.integer[1]}")


def _sli_shape(sli: SliPart, root: Node, path: tuple[Key, ...], problems: Problems) -> None:
    """Exactly one source, with the keys that belong to it and no others."""
    sources = [word for word in ("promql", "prometheus", "http", "sql") if getattr(sli, word) is not None]
    if len(sources) != 1:
        got = " and ".join(sources) or "none of them"
        problems.at(root, path, f"needs exactly one of promql, prometheus, http and sql; got {got}")
        return
    belongs: set[str] = {
        "promql": set(),
        "prometheus": {"path", "histogram", "good", "total"},
        "http": {"path", "json"},
        "sql": {"query"},
    }[sources[0]]
    for word in ("path", "histogram", "good", "total", "query", "json"):
        if getattr(sli, word) is not None and word not in belongs:
            knows = ", ".join(sorted(belongs)) or "nothing beside it"
            message = f"does not belong to an SLI from {sources[0]}, which knows {knows}"
            problems.at(root, (*path, word), message)
    counters = (sli.good is not None) + (sli.total is not None)
    if sources[0] == "prometheus" and (sli.histogram is not None, counters) not in ((True, 0), (False, 2)):
        problems.at(root, path, "needs either histogram, or good and total")
    if sources[0] == "sql" and sli.query is None:
        problems.at(root, path, "missing key 'query'")
    if sli.promql is not None:
        promql.check_shape(sli.promql, root, (*path, "promql"), problems)


def _invariant_shape(invariant: InvariantPart, root: Node, path: tuple[Key, ...], problems: Problems) -> None:
    if (invariant.sql is None) == (invariant.command is None):
        problems.at(root, path, "needs exactly one of sql and command")
    elif (invariant.sql is None) != (invariant.query is None):
        problems.at(root, path, "sql and query belong together: the database, and what it is asked")


def _traffic(target: Target, traffic: Traffic, root: Node, problems: Problems) -> None:
    if traffic.entry not in target.services:
        problems.at(root, ("traffic", "entry"), unknown("service", traffic.entry, tuple(target.services)))
    for where, lists in (("groups", traffic.groups), ("journeys", {j.name: j.steps for j in traffic.journeys})):
        for name, steps in lists.items():
            for index, step in enumerate(steps):
                path: tuple[Key, ...] = ("traffic", where, name, *(("steps",) if where == "journeys" else ()), index)
                if step not in traffic.steps:
                    problems.at(root, path, unknown("step", step, tuple(traffic.steps)))
    if not traffic.engine and not any(journey.weight for journey in traffic.journeys):
        problems.at(root, ("traffic", "journeys"), "no journey has a weight, so nobody would come")
    for journey in traffic.journeys:
        saved: set[str] = set()
        for request in (traffic.steps[name] for name in journey.steps if name in traffic.steps):
            known = [*traffic.values, *BUILT_IN, *saved]
            for word in _variables((request.path, request.headers, request.body)):
                if word not in known:
                    message = f"unknown variable '{{{word}}}' in the journey '{journey.name}'.{nearest(word, known)}"
                    problems.at(root, ("traffic", "steps", request.name), message)
            saved |= set(request.save)


def _variables(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield from _VARIABLE.findall(value)
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from _VARIABLE.findall(key)
            yield from _variables(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _variables(inner)


def _databases(target: Target, root: Node, problems: Problems) -> None:
    """A database that an SLI or an invariant asks must be found on every platform."""
    asked: list[tuple[tuple[Key, ...], str]] = [
        (("slis", name, "sql"), str(sli.service)) for name, sli in target.slis.items() if sli.query is not None
    ]
    asked += [(("invariants", i.name, "sql"), i.sql) for i in target.invariants if i.sql is not None]
    for platform, databases in target.platforms.databases().items():
        for path, database in asked:
            if database not in databases:
                where = f"Databases are named in platforms.{platform}.sql."
                problems.at(root, path, f"{unknown('database', database, tuple(databases))} {where}")


def _compose(target: Target, root: Node, problems: Problems) -> None:
    compose = target.platforms.compose
    if compose is None:
        return
    base: tuple[Key, ...] = ("platforms", "compose")
    for name, service in compose.services.items():
        if name not in target.services:
            place = root.find(*base, "services").place_of(name)
            message = unknown("service", name, tuple(target.services))
            problems.report(place, "platforms.compose.services", message)
        for word in _VARIABLE.findall(service.service):
            if word not in ("instance", "index"):
                message = f"unknown variable '{{{word}}}'.{nearest(word, ('instance', 'index'))}"
                problems.at(root, (*base, "services", name, "service"), message)
    templates.check_compose(target, compose, root, problems)


def _embedded(target: Target, root: Node, problems: Problems) -> None:
    embedded = target.platforms.embedded
    if embedded is None:
        return
    base: tuple[Key, ...] = ("platforms", "embedded")
    services = root.find(*base, "services")
    for name in embedded.services:
        if name not in target.services:
            message = unknown("service", name, tuple(target.services))
            problems.report(services.place_of(name), "platforms.embedded.services", message)
    for name in target.services:
        if name not in embedded.services:
            problems.report(services, "platforms.embedded.services", f"the service '{name}' is missing here")
    for name, process in embedded.services.items():
        for index, other in enumerate(process.after):
            if other not in embedded.services or other == name:
                known = tuple(service for service in embedded.services if service != name)
                problems.at(root, (*base, "services", name, "after", index), unknown("service", other, known))
    _cycles({name: process.after for name, process in embedded.services.items()}, services, problems)
    templates.check_embedded(target, embedded, root, problems)


def _cycles(after: dict[str, tuple[str, ...]], node: Node, problems: Problems) -> None:
    """Nothing may wait for itself."""
    left = dict(after)
    while ready := [name for name, others in left.items() if not any(other in left for other in others)]:
        for name in ready:
            del left[name]
    if left and all(other in after for others in left.values() for other in others):
        message = f"{', '.join(left)} wait for each other in 'after'"
        problems.report(node, "platforms.embedded.services", message)
