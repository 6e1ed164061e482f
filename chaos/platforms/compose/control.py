"""The services of a Compose project, from any process: `ServiceControl` over the Docker engine."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from chaos.errors import Unavailable, nearest
from chaos.model.base import Noun, from_plain, to_plain
from chaos.model.platform import Instance
from chaos.platforms.compose import events, project
from chaos.platforms.compose.addresses import Addresses
from chaos.platforms.compose.agent import Agent
from chaos.platforms.compose.engine import Endpoint, Engine, connect
from chaos.platforms.compose.project import Container
from chaos.platforms.compose.slots import Slot, assign, instance

LOOK_AGAIN_S = 0.03
# What the engine does at once, it has done by then.
DONE_WITHIN_S = 10.0
# Where nobody else of the target is near, a service is looked at from there.
MACHINE = "the engine's machine"
# Docker's own default, for a container that names none.
STOP_WITHIN_S = 10
# A service's own start, with its health checks.
START_WITHIN_S = 90.0


# Which container a slot's was when this process last looked: without a list, a fault is felt some milliseconds sooner.
_known: dict[tuple[str, str, str, int], str] = {}


class Reach(Noun):
    """What `ComposePlatform.control()` says, as plain data in undo records."""

    platform: str = "compose"
    target: str
    project: str
    endpoint: Endpoint
    slots: tuple[Slot, ...]
    # instance -> the container that it was when this was made: as long as that exists, no other one is meant, though
    # one before it went away and the others moved up.
    containers: dict[str, str] = {}

    def plain(self) -> dict[str, Any]:
        found: dict[str, Any] = to_plain(self)
        return found


class ComposeControl:
    """Made from the data of `ComposePlatform.control()`. Only the project's containers of the target's own services are
    ever touched, and each is looked at again right before."""

    def __init__(self, control: dict[str, Any]) -> None:
        self.reach = from_plain(control, Reach)
        self.engine: Engine = connect(self.reach.endpoint)
        self.agent = Agent(self.engine, self.reach.project)
        self.addresses = Addresses(self.engine, self.reach.project)

    # What there is ---------------------------------------------------------------------------------------------------

    def exists(self) -> bool:
        return bool(self.assigned())

    def assigned(self) -> dict[str, Container]:
        """instance -> its container. Raises: Unavailable."""
        return self._assign(self.reach.slots, project.containers(self.engine, self.reach.project))

    def slot(self, name: str) -> Slot:
        """Raises: KeyError."""
        for slot in self.reach.slots:
            if slot.name == name:
                return slot
        raise KeyError(f"no instance '{name}'.{nearest(name, [slot.name for slot in self.reach.slots])}")

    def container(self, name: str) -> Container:
        """The instance's container, as it is now. Raises: KeyError, Unavailable when it has none."""
        slot = self.slot(name)
        found = self._find(slot)
        if found is None:
            raise Unavailable(
                f"{name}: the project '{self.reach.project}' has no container {slot.number} of '{slot.compose_service}'"
            )
        return found

    def _find(self, slot: Slot) -> Container | None:
        """One look where it is known already which container that is, and it is still there; else among all."""
        key = (str(self.reach.endpoint), self.reach.project, slot.compose_service, slot.number)
        for known in (self.reach.containers.get(slot.name), _known.get(key)):
            found = project.inspect(self.engine, known) if known else None
            if found is not None and (found.project, found.service) == (self.reach.project, slot.compose_service):
                return found
        found = assign([slot], project.containers(self.engine, self.reach.project, slot.compose_service)).get(slot.name)
        if found is not None:
            _known[key] = found.id
        return found

    def _assign(self, slots: Sequence[Slot], there: Sequence[Container]) -> dict[str, Container]:
        by_id = {container.id: container for container in there}
        same = {name: by_id[one] for name, one in self.reach.containers.items() if one in by_id}
        return assign(slots, there) | {slot.name: same[slot.name] for slot in slots if slot.name in same}

    def instance(self, name: str) -> Instance:
        slot = self.slot(name)
        container = self._find(slot)
        address = self.addresses.of(container, slot.port) if container is not None else ""
        return instance(slot, container, {name: address})

    # What is done. Of a lease the agent knows by itself: it was given the undo record -------------------------------

    def crash(self, name: str, *, lease: str = "") -> None:
        container = self.container(name)
        self.agent.call("kill", container)
        self._until(name, lambda now: now.life != container.life or now.status != "running", "die")

    def kill(self, name: str, *, lease: str = "") -> None:
        container = self.container(name)
        if container.status in ("running", "paused", "restarting"):
            with self.engine.calling(f"kill {name}") as client:
                client.api.kill(container.id)
        self._until(name, lambda now: now.status == "exited", "end")

    def stop(self, name: str, *, lease: str = "") -> None:
        container = self.container(name)
        if container.status in ("running", "restarting"):
            grace_s = self._grace_s(container)
            with self.engine.calling(f"stop {name}") as client:
                # The SDK adds the grace to its own limit.
                client.api.stop(container.id, timeout=grace_s)
        self._until(name, lambda now: now.status == "exited", "end")

    def start(self, name: str) -> None:
        container = self.container(name)
        if container.status in ("exited", "created", "dead"):
            with self.engine.calling(f"start {name}") as client:
                client.api.start(container.id)
        self._until(name, _is_ready, "get ready", within_s=START_WITHIN_S)

    def restart(self, name: str, *, lease: str = "") -> None:
        self.stop(name)
        self.start(name)

    def pause(self, name: str, *, lease: str = "") -> None:
        container = self.container(name)
        if container.status != "paused":
            with self.engine.calling(f"pause {name}") as client:
                client.api.pause(container.id)
        self._until(name, lambda now: now.status == "paused", "pause")

    def unpause(self, name: str) -> None:
        container = self.container(name)
        if container.status == "paused":
            with self.engine.calling(f"unpause {name}") as client:
                client.api.unpause(container.id)
        self._until(name, lambda now: now.status != "paused", "go on")

    # What only containers allow --------------------------------------------------------------------------------------

    def running(self, name: str) -> str:
        found = self._find(self.slot(name))
        return found.life if found is not None and found.pid else ""

    def lives(self, life: str) -> bool:
        return self._in_life(life) is not None

    def _in_life(self, life: str) -> Container | None:
        """The container, if it is in that very life and of this project."""
        found = project.inspect(self.engine, life.partition(" ")[0])
        right = found is not None and found.project == self.reach.project and found.life == life and found.pid
        return found if right else None

    def inside(self, name: str, life: str, verb: str, /, **arguments: Any) -> Any:
        container = self._in_life(life)
        if container is None:
            raise Unavailable(f"{name}: its container is not the one that it was, or does not run")
        return self.agent.call(verb, container, **arguments)

    def beside(self, name: str, verb: str, /, **arguments: Any) -> tuple[str, Any]:
        there = self.assigned()
        container = there.get(name) or self.container(name)
        for other, peer in there.items():
            shared = [network for network in container.networks if network in peer.networks]
            if peer.id != container.id and peer.status == "running" and shared:
                address = container.networks[shared[0]]
                return other, self.agent.call(verb, peer, address=address, **arguments)
        return MACHINE, self.agent.call(verb, pid=0, container="", address=container.address, **arguments)

    def events(self, name: str, life: str, what: str) -> int:
        return events.count(self.engine, life, what, name=name)

    def _until(self, name: str, done: Any, what: str, within_s: float = DONE_WITHIN_S) -> Container:
        """Look until it is so. Raises: Unavailable."""
        slot, until_s = self.slot(name), time.monotonic() + within_s
        while True:
            now = self._find(slot)
            if now is None:
                raise Unavailable(f"{name}: its container is gone")
            if done(now):
                return now
            if time.monotonic() > until_s:
                health = f", {now.health}" if now.health else ""
                late = f"{name} ({now.name}) did not {what} within {within_s:g} s"
                raise Unavailable(f"{late}: it is {now.status}{health}")
            time.sleep(LOOK_AGAIN_S)

    def _grace_s(self, container: Container) -> int:
        found = project.raw(self.engine, container.id) or {}
        return int((found.get("Config") or {}).get("StopTimeout") or STOP_WITHIN_S)


def _is_ready(container: Container) -> bool:
    return container.status == "running" and container.health in ("", "healthy")
