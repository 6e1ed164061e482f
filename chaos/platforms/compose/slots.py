"""Which container is which instance of the target: by the target file alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from chaos.errors import SpecError
from chaos.model.base import Noun
from chaos.model.platform import Instance
from chaos.model.target import Compose, Target
from chaos.platforms.compose.project import Container
from chaos.platforms.template import fill


class Slot(Noun):
    """One instance: the `number`th container of a Compose service, in the order of Compose's own numbers."""

    name: str
    service: str  # of the target
    compose_service: str
    number: int = 1
    port: int = 0  # where it listens inside; 0: nobody asks it directly
    spare: bool = False  # one that need not be there


def compose_part(target: Target) -> Compose:
    """Raises: SpecError when the target has none."""
    part = target.platforms.compose
    if part is None:
        message = f"the target '{target.name}' has no platforms.compose: it cannot run on Docker Compose"
        raise SpecError(message, path=target.path or None)
    return part


def slots(target: Target) -> tuple[Slot, ...]:
    """Every declared instance that has a container, in file order. Raises: SpecError."""
    part = compose_part(target)
    found = []
    for service in (one for one in target.services.values() if not one.external):
        about = part.services[service.name]
        for index, instance in enumerate(service.instances(), start=1):
            values = {"instance": instance, "index": str(index)}
            name = fill(about.service, values, where=f"platforms.compose.services.{service.name}", path=target.path)
            own = name != about.service  # each instance is a Compose service of its own
            found.append(
                Slot(
                    name=instance,
                    service=service.name,
                    compose_service=name,
                    number=1 if own else index,
                    port=about.port,
                    spare=index > service.count,
                )
            )
    return tuple(found)


def assign(slots: Iterable[Slot], containers: Iterable[Container]) -> dict[str, Container]:
    """instance -> its container, for those that have one."""
    of: dict[str, list[Container]] = {}
    for container in containers:
        of.setdefault(container.service, []).append(container)
    return {
        slot.name: of[slot.compose_service][slot.number - 1]
        for slot in slots
        if len(of.get(slot.compose_service, ())) >= slot.number
    }


def instance(slot: Slot, container: Container | None, addresses: Mapping[str, str]) -> Instance:
    """In the words of the model. `addresses` are those by which this process reaches instances directly."""
    if container is None:
        return Instance(name=slot.name, service=slot.service, state="spare" if slot.spare else "stopped")
    state = _STATES.get(container.status, "stopped")
    if state == "running" and container.health == "starting":
        state = "starting"
    return Instance(
        name=slot.name,
        service=slot.service,
        state="spare" if state == "stopped" and slot.spare else state,
        address=addresses.get(slot.name, ""),
        restarts=container.restarts,
        healthy=state == "running" and container.health in ("", "healthy"),
        life=container.life,
        what=f"container {container.name}",
    )


def outside(target: Target) -> dict[str, Instance]:
    """The services that are not the project's own. Nothing is asked of them: they count as there."""
    return {
        service.name: Instance(
            name=service.name, service=service.name, state="running", healthy=True, what=f"outside: {service.external}"
        )
        for service in target.services.values()
        if service.external
    }


# Docker's words for a container's state, as the model says them; all others mean that it does not run.
_STATES = {"running": "running", "paused": "paused", "restarting": "starting"}
