"""The compose platform: find a target's project on its engine, look at it, bring it up and take it down."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any, Self

import msgspec

from chaos.errors import Refused, SaleproofError, Unavailable, nearest
from chaos.model.platform import Instance, Inventory, Progress, Proxy, silent
from chaos.model.target import Target
from chaos.platforms.compose import agent, kernel, project
from chaos.platforms.compose.attached import Attachments
from chaos.platforms.compose.command import Compose as Command
from chaos.platforms.compose.command import needs_compose
from chaos.platforms.compose.control import ComposeControl, Reach
from chaos.platforms.compose.engine import Engine, connect, may_answer, resolve
from chaos.platforms.compose.links import proxies_of, states
from chaos.platforms.compose.project import Container
from chaos.platforms.compose.slots import Slot, assign, compose_part, instance, outside, slots
from chaos.platforms.template import fill

EVERYWHERE = frozenset({"Killable", "Pausable", "NetworkShaper", "ResourceShaper", "DiskShaper", "Anything"})


class ComposePlatform:
    """A target whose containers are up. Any number of processes may hold one."""

    name = "compose"
    killable = True
    pausable = True
    shapes_network = True
    mangles_packets = True
    shapes_resources = True
    shapes_disks = True

    def __init__(self, target: Target, engine: Engine, *, started: bool = False) -> None:
        self._target = target
        self._part = compose_part(target)
        self._engine = self.engine = engine
        self.project = self._part.project
        self._slots = slots(target)
        self.started = started
        self._reach = Reach(target=target.name, project=self._part.project, endpoint=engine.endpoint, slots=self._slots)
        self._control = ComposeControl(self._reach.plain())

    # --- up and down

    @classmethod
    def up(cls, target: Target, variant: str, *, progress: Progress = silent) -> Self:
        """Bring the target up and return once every service is healthy; at once where this variant is up already.

        Nothing is left of a start that failed or was interrupted. Raises: SpecError; Refused, when another variant is
        up; Unavailable, with the last log lines of the service that does not get healthy.
        """
        part = compose_part(target)
        engine = connect()
        command = Command(target, engine.endpoint, variant)
        present = cls.attach(target)
        if present is not None and present.variant != variant:
            raise Refused(
                f"the target '{target.name}' is up as its variant '{present.variant}', not '{variant}'; "
                "`saleproof down --platform compose` takes it down first"
            )
        if not part.files:
            if present is None:
                raise Unavailable(
                    f"the project '{part.project}' is not up on {engine.endpoint}, and the target file names no "
                    "Compose files to bring it up with"
                )
            return present
        needs_compose()
        try:
            command.up(engine, slots(target), progress)
        except BaseException as cause:
            if present is None:
                _take_back(command, engine, cause)
            raise
        return cls(target, engine, started=present is None)

    @classmethod
    def attach(cls, target: Target) -> Self | None:
        """The target if one of its containers runs, as whichever variant. Raises: Unavailable, SpecError."""
        part = compose_part(target)
        endpoint = resolve()
        if not may_answer(endpoint):
            return None
        engine = connect(endpoint)
        found = assign(slots(target), project.containers(engine, part.project))
        return cls(target, engine) if any(one.pid for one in found.values()) else None

    @classmethod
    def clean(cls, target: Target) -> None:
        """Take down what there is of the target, whatever state it is in. Idempotent. A project that no Compose file is
        named for is the user's own: only what we put beside it goes, and of that the agent stays until it has taken
        back what is under its leases. Raises: Unavailable."""
        part = compose_part(target)
        engine = connect()
        Attachments(target, engine).detach()
        if part.files:
            agent.remove(engine, part.project)
            Command(target, engine.endpoint, target.variants[0]).down(engine)
        else:
            agent.dismiss(engine, part.project)

    def down(self) -> None:
        type(self).clean(self._target)

    # --- what there is

    def inventory(self) -> Inventory:
        assigned = self._control.assigned()  # the engine is asked once, for all that follows
        variant = self._variant(assigned)
        addresses = {
            slot.name: self._control.addresses.of(assigned[slot.name], slot.port)
            for slot in self._slots
            if slot.name in assigned
        }
        proxy_api, proxies = self._proxies(assigned)
        proxies |= self.attachments.proxies(assigned)
        return Inventory(
            platform=self.name,
            endpoint=str(self._engine.endpoint),
            variant=variant,
            instances={slot.name: instance(slot, assigned.get(slot.name), addresses) for slot in self._slots}
            | outside(self._target),
            proxies=proxies,
            proxy_api=proxy_api,
            sql={
                name: self._fill(text, addresses, variant, f"platforms.compose.sql.{name}")
                for name, text in self._part.sql.items()
            },
            capabilities=EVERYWHERE
            | ({"LinkShaper"} if proxies else set())
            | ({"PacketMangler"} if kernel.has_netem(self._engine, self._part.project) else set()),
        )

    def _proxies(self, assigned: dict[str, Container]) -> tuple[str, dict[str, Proxy]]:
        """The address of the Toxiproxy API, and the link proxies. Without a server that runs there are none."""
        if not self._part.toxiproxy:
            return "", {}
        servers = project.containers(self._engine, self._part.project, self._part.toxiproxy)
        server = next((one for one in servers if one.pid), None)
        if server is None:
            return "", {}
        address = self._control.addresses.of(server, self._part.toxiproxy_port)
        found = proxies_of(
            self._target, assigned, server, self._part.toxiproxy_port, states(address), self._engine.endpoint
        )
        return address, found

    @property
    def attachments(self) -> Attachments:
        """The links that were given a fault proxy while the project ran."""
        return Attachments(self._target, self._engine)

    def control(self) -> dict[str, Any]:
        containers = {name: container.id for name, container in self._control.assigned().items()}
        return msgspec.structs.replace(self._reach, containers=containers).plain()

    def instance(self, name: str) -> Instance:
        return self._control.instance(name)

    def proxy(self, name: str) -> Proxy:
        """The proxy of that name (`web-1 -> db`). Raises: KeyError, Unavailable."""
        assigned = self._control.assigned()
        proxies = self._proxies(assigned)[1] | self.attachments.proxies(assigned)
        if name not in proxies:
            raise KeyError(f"no proxy '{name}'.{nearest(name, proxies)}")
        return proxies[name]

    @property
    def proxy_api(self) -> str:
        return self._proxies(self._control.assigned())[0]

    @property
    def variant(self) -> str:
        """As the containers' label says; the target's first variant where they have none."""
        return self._variant(self._control.assigned())

    def _variant(self, assigned: dict[str, Container]) -> str:
        labels = {one.variant for one in assigned.values() if one.variant}
        known = [variant for variant in self._target.variants if variant in labels]
        return known[0] if known else self._target.variants[0]

    def entry_address(self, service: str) -> str:
        if self._part.entry:
            return self._part.entry
        for slot in self._slots:
            if slot.service == service:
                container = self._control.container(slot.name)
                address = self._control.addresses.of(container, slot.port, traffic=True)
                if address:
                    return address
                raise Unavailable(
                    f"there is no way from here for the customers' traffic to {slot.name} ({container.name}, "
                    f"{container.status}, on {self._engine.endpoint}); say it with platforms.compose.entry, or publish "
                    "its port and name it in platforms.compose.services"
                )
        raise KeyError(f"no service '{service}'.{nearest(service, [slot.service for slot in self._slots])}")

    def entry_text(self, service: str) -> str:
        """As the engine's machine publishes it: what leads there from here ends with this process."""
        machine = self._engine.endpoint.machine
        if not machine or self._part.entry:
            return f"http://{self.entry_address(service)}/"
        for slot in self._slots:
            if slot.service == service:
                published = self._control.container(slot.name).published
                return f"http://{published[slot.port]}/ on {machine}" if slot.port in published else ""
        raise KeyError(f"no service '{service}'.{nearest(service, [slot.service for slot in self._slots])}")

    def fill(self, text: str, *, where: str) -> str:
        now = self.inventory()
        return self._fill(text, {name: one.address for name, one in now.instances.items()}, now.variant, where)

    def _fill(self, text: str, addresses: dict[str, str], variant: str, where: str) -> str:
        values = {"python": sys.executable, "variant": variant}
        for service in self._target.services.values():
            there = [addresses[name] for name in service.instances() if addresses.get(name)]
            # Nobody there: an address that refuses, so that whoever asks is told.
            values[f"direct:{service.name}"] = ",".join(there) or "127.0.0.1:9"
        return fill(text, values, where=where, path=self._target.path)

    # --- what they said

    def logged(self) -> tuple[str, ...]:
        extra = (self._part.toxiproxy,) if self._part.toxiproxy else ()
        return (*(slot.name for slot in self._slots if not slot.spare), *extra)

    def logs(self, instance: str, lines: int = 50) -> list[str]:
        container = self._logged(instance)
        with self._engine.calling(f"show the logs of {instance}") as client:
            text: bytes = client.api.logs(container.id, tail=lines)
        return text.decode(errors="replace").splitlines()

    def follow(self, instance: str, lines: int = 10) -> Iterator[str]:
        container = self._logged(instance)
        with self._engine.calling(f"show the logs of {instance}") as client:
            rest = b""
            for part in client.api.logs(container.id, tail=lines, stream=True, follow=True):
                *whole, rest = (rest + part).split(b"\n")
                yield from (line.decode(errors="replace") for line in whole)

    def _logged(self, instance: str) -> Container:
        if instance == self._part.toxiproxy:
            slot = Slot(name=instance, service=instance, compose_service=instance)
            found = assign([slot], project.containers(self._engine, self._part.project)).get(instance)
            if found is None:
                raise Unavailable(f"the project '{self._part.project}' has no container of '{instance}'")
            return found
        return self._control.container(instance)


def _take_back(command: Command, engine: Engine, cause: BaseException) -> None:
    """After a start that failed. What it failed of is what a person must read first; what then is left comes after it.

    Raises: Unavailable when something is left.
    """
    try:
        command.down(engine)
    except Unavailable as left:
        if not isinstance(cause, SaleproofError):
            raise
        if command.present(engine):
            raise type(left)(f"{cause}\n{left}") from cause
