"""Where exactly a fault goes: the proxies and instances that its scope means, chosen by the run's seed."""

from __future__ import annotations

import random
from collections.abc import Iterable

from chaos.errors import PlanError, Unsupported
from chaos.model.experiment import FaultSpec
from chaos.model.fault import ANSWERS
from chaos.model.platform import Inventory, Proxy
from chaos.model.target import Target, smallest_share
from chaos.planner.inventory import PLANNED

# States in which an instance cannot be disturbed: it is not there, or not yet, or no longer.
_SPARE = "spare"
_RUNNING = "running"

# What a platform has on some machines and lacks on others.
WHY_NOT_HERE = {"PacketMangler": "the engine's kernel has no netem (the module sch_netem)"}


def capability_missing(spec: FaultSpec, inventory: Inventory, offered: frozenset[str], path: str) -> Unsupported | None:
    """`latency, web -> db: the platform 'embedded' has no LinkShaper`."""
    needed = type(spec.fault).needs.__name__
    if needed in offered:
        return None
    lacking = f"the platform '{inventory.platform}' has no {needed}"
    others = [name for name, offers in PLANNED.items() if needed in offers and name != inventory.platform]
    if needed == "TrafficShaper":
        lacking = "the run has no traffic of our own"
    elif needed == "LinkShaper" and inventory.platform == "compose":
        lacking = _attach(spec)
    elif inventory.platform in PLANNED and needed in PLANNED[inventory.platform]:
        lacking += f" here: {WHY_NOT_HERE[needed]}" if needed in WHY_NOT_HERE else ""
    elif inventory.platform in PLANNED and others:
        lacking += f"; it is on {' and '.join(others)}"
    where = scope_text(spec)
    subject = f"{spec.kind}, {where}" if where else spec.kind
    return Unsupported(f"{subject}: {lacking}", path=path or None, line=spec.line)


def scope_text(spec: FaultSpec) -> str:
    """Where a fault is declared, for people: `web -> db`, `web`, `web | db, replica`; empty where it needs no place."""
    scope = spec.scope
    if scope.between is not None:
        return " | ".join(", ".join(group) for group in scope.between)
    return scope.link or scope.service or ""


def places_of(
    spec: FaultSpec, target: Target, inventory: Inventory, *, seed: int, fault_id: str, path: str
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The places, and what to warn of. Raises: PlanError when there is none."""
    acts_on = type(spec.fault).acts_on
    if acts_on in ("traffic", "nothing"):
        return ("traffic",) if acts_on == "traffic" else (spec.kind,), ()
    if acts_on == "service":
        found, warnings = _instances(spec, target, inventory, path)
    else:
        found = _between(spec, target, inventory) if acts_on == "groups" else _link(spec, target, inventory)
        warnings = ()
    if not found and spec.scope.link and _runs(spec, target, inventory):
        raise PlanError(f"{spec.kind}, {scope_text(spec)}: {_attach(spec)}", path=path or None, line=spec.line)
    if not found:
        raise PlanError(f"{spec.kind}, {scope_text(spec)}: nothing of it is running", path=path or None, line=spec.line)
    return _share(found, spec, seed, fault_id), warnings


def _attach(spec: FaultSpec) -> str:
    advice = f"saleproof attach '{spec.scope.link}'" if spec.scope.link else "saleproof attach"
    return f"no fault proxy is on it; {advice} puts one there while it runs"


def _runs(spec: FaultSpec, target: Target, inventory: Inventory) -> bool:
    return all(_there(inventory, _names(target, end)) for end in str(spec.scope.link).split(" -> "))


def touched(places: Iterable[str], inventory: Inventory) -> tuple[str, ...]:
    """What those places really are on the platform, once each. Empty before it is up."""
    found = []
    for place in places:
        part = inventory.instances.get(place) or inventory.proxies.get(place.removesuffix(ANSWERS))
        if part is not None and part.what:
            found.append(part.what)
    return tuple(dict.fromkeys(found))


def _share(found: tuple[str, ...], spec: FaultSpec, seed: int, fault_id: str) -> tuple[str, ...]:
    """Some of them, the same ones for the same seed; in their own order."""
    if spec.scope.share is None:
        return found
    chosen = set(random.Random(f"{seed}/{fault_id}").sample(found, smallest_share(spec.scope.share, len(found))))
    return tuple(place for place in found if place in chosen)


def _names(target: Target, name: str) -> tuple[str, ...]:
    """The instances that a service's name or an instance's own name means."""
    return target.services[name].instances() if name in target.services else (name,)


def _there(inventory: Inventory, names: Iterable[str]) -> tuple[str, ...]:
    """Without the spare slots."""
    return tuple(n for n in names if n in inventory.instances and inventory.instances[n].state != _SPARE)


def _proxies(inventory: Inventory, clients: Iterable[str], servers: Iterable[str]) -> list[Proxy]:
    """Those between running instances. A link to a stopped instance still has its proxy, and is cut all the same."""
    left, right = set(_there(inventory, clients)), set(_there(inventory, servers))
    return [proxy for proxy in inventory.proxies.values() if proxy.client in left and proxy.server in right]


def _link(spec: FaultSpec, target: Target, inventory: Inventory) -> tuple[str, ...]:
    source, dest = str(spec.scope.link).split(" -> ")
    return tuple(proxy.name for proxy in _proxies(inventory, _names(target, source), _names(target, dest)))


def _between(spec: FaultSpec, target: Target, inventory: Inventory) -> tuple[str, ...]:
    """Every proxy between the groups, whoever dials. One way, those that the second group dials are marked: there, what
    the first group sends are the answers."""
    assert spec.scope.between is not None
    first, second = ([n for name in group for n in _names(target, name)] for group in spec.scope.between)
    mark = ANSWERS if getattr(spec.fault, "direction", "both") == "one-way" else ""
    forth = [proxy.name for proxy in _proxies(inventory, first, second)]
    back = [proxy.name + mark for proxy in _proxies(inventory, second, first)]
    return (*forth, *back)


def _instances(
    spec: FaultSpec, target: Target, inventory: Inventory, path: str
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    name = str(spec.scope.service)
    external = target.services[name].external if name in target.services else ""
    if external:
        message = f"{spec.kind}: '{name}' is outside the project ({external}); only the links to it can be disturbed"
        raise PlanError(message, path=path or None, line=spec.line)
    there = _there(inventory, _names(target, name))
    if not there and name not in target.services and name in target.instances():
        message = f"{spec.kind}: '{name}' is a spare slot, where nothing runs"
        raise PlanError(message, path=path or None, line=spec.line)
    up = tuple(n for n in there if inventory.instances[n].state == _RUNNING)
    down = [f"{spec.kind} leaves {n} out: it is {inventory.instances[n].state}" for n in there if n not in up]
    return up, tuple(down)
