"""The containers of one Compose project, found by Compose's labels and nothing else: names and images say nothing."""

from __future__ import annotations

from typing import Any

from chaos.model.base import Noun
from chaos.platforms.compose.engine import Engine

PROJECT_LABEL = "com.docker.compose.project"
SERVICE_LABEL = "com.docker.compose.service"
NUMBER_LABEL = "com.docker.compose.container-number"
ONE_OFF_LABEL = "com.docker.compose.oneoff"
# Ours: which variant of a target the containers are.
VARIANT_LABEL = "saleproof.variant"


class Container(Noun):
    """One container as `docker inspect` shows it now."""

    id: str
    name: str
    project: str
    service: str
    number: int
    variant: str
    status: str  # Docker's word: created, running, paused, restarting, removing, exited, dead
    health: str  # starting, healthy, unhealthy; empty where it has no health check
    pid: int  # of its main process, on the engine's machine; 0 when it does not run
    started_at: str
    restarts: int
    exit_code: int
    networks: dict[str, str]  # network's name -> its address there
    published: dict[int, str]  # port inside -> host:port on the engine's machine
    open: tuple[int, ...]  # of those, the ones that it publishes on every address
    exposed: tuple[int, ...]  # TCP ports that its image or its file names
    network_mode: str

    @property
    def life(self) -> str:
        """Another one after every start, whatever its pid."""
        return f"{self.id[:12]} {self.started_at}"

    @property
    def address(self) -> str:
        """Its address in one of its networks; empty when it has none."""
        return next(iter(self.networks.values()), "")


def containers(engine: Engine, project: str, service: str = "") -> tuple[Container, ...]:
    """All of the project's, or of one of its services, whatever their state, by service and number.

    Raises: Unavailable.
    """
    labels = [f"{PROJECT_LABEL}={project}", *([f"{SERVICE_LABEL}={service}"] if service else [])]
    with engine.calling("list containers") as client:
        # The low-level call: the SDK's own list inspects one by one and fails when one goes away meanwhile.
        found = client.api.containers(all=True, filters={"label": labels})
    seen = [inspect(engine, one["Id"]) for one in found if one["Labels"].get(ONE_OFF_LABEL) != "True"]
    return tuple(sorted((one for one in seen if one is not None), key=lambda one: (one.service, one.number)))


def inspect(engine: Engine, container: str) -> Container | None:
    """None when there is no such container. Raises: Unavailable."""
    found = raw(engine, container)
    return None if found is None else view(found)


def raw(engine: Engine, container: str) -> dict[str, Any] | None:
    """What the engine says about it, whole; None when there is no such container. Raises: Unavailable."""
    from docker.errors import NotFound

    with engine.calling(f"inspect {container}") as client:
        try:
            found: dict[str, Any] = client.api.inspect_container(container)
        except NotFound:
            return None
    return found


def view(found: dict[str, Any]) -> Container:
    state, config, host = found["State"], found["Config"], found["HostConfig"]
    labels = config.get("Labels") or {}
    settings = found.get("NetworkSettings") or {}
    ports = settings.get("Ports") or {}
    return Container(
        id=found["Id"],
        name=found["Name"].lstrip("/"),
        project=labels.get(PROJECT_LABEL, ""),
        service=labels.get(SERVICE_LABEL, ""),
        number=int(labels.get(NUMBER_LABEL, 0) or 0),
        variant=labels.get(VARIANT_LABEL, ""),
        status=state.get("Status", ""),
        health=(state.get("Health") or {}).get("Status", "").replace("none", ""),
        pid=int(state.get("Pid") or 0),
        started_at=state.get("StartedAt", ""),
        restarts=int(found.get("RestartCount") or 0),
        exit_code=int(state.get("ExitCode") or 0),
        networks={
            name: about["IPAddress"] or about.get("GlobalIPv6Address", "")
            for name, about in (settings.get("Networks") or {}).items()
            if about.get("IPAddress") or about.get("GlobalIPv6Address")
        },
        published={
            _port(port): f"{_dialable(bound[0]['HostIp'])}:{bound[0]['HostPort']}"
            for port, bound in ports.items()
            if bound and port.endswith("/tcp")
        },
        open=tuple(
            _port(port)
            for port, bound in ports.items()
            if bound and bound[0]["HostIp"] in ("", "0.0.0.0", "::")  # noqa: S104
        ),
        exposed=tuple(sorted(_port(port) for port in ports if port.endswith("/tcp"))),
        network_mode=host.get("NetworkMode", ""),
    )


def _port(text: str) -> int:
    return int(text.partition("/")[0])


def _dialable(host: str) -> str:
    """What is published on every address is dialled on loopback."""
    return "127.0.0.1" if host in ("", "0.0.0.0", "::") else host  # noqa: S104  # read, not listened on
