"""Look at a Compose project that is already running: what there is, who dials whom, what cannot be disturbed.

Looks only. From Compose's labels, `docker inspect`, the kernel's list of connections, and the project's Compose files
where they can be read here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from chaos.errors import SaleproofError, UsageError, nearest
from chaos.model.survey import FoundLink, FoundOutside, FoundService, Survey
from chaos.platforms.compose import guess, project, settings
from chaos.platforms.compose.agent import Agent
from chaos.platforms.compose.attachable import why_not
from chaos.platforms.compose.engine import Engine
from chaos.platforms.compose.project import Container

FILES_LABEL = "com.docker.compose.project.config_files"
FOLDER_LABEL = "com.docker.compose.project.working_dir"
DEPENDS_LABEL = "com.docker.compose.depends_on"
_HEALTH_URL = re.compile(r"https?://(?:localhost|127\.0\.0\.1|0\.0\.0\.0|\[::1\])(?::(\d+))?(/[^\s'\")|]*)?")
REMARKS_MAX = 20


def projects(engine: Engine) -> dict[str, int]:
    """Those of which a container runs -> how many. Raises: Unavailable."""
    with engine.calling("list containers") as client:
        found = client.api.containers(filters={"label": [project.PROJECT_LABEL]})
    count: dict[str, int] = {}
    for one in found:
        name = one["Labels"][project.PROJECT_LABEL]
        count[name] = count.get(name, 0) + 1
    return dict(sorted(count.items()))


def pick(engine: Engine, wanted: str | None) -> str:
    """The project, or the only one that runs. Raises: UsageError, with those that run; Unavailable."""
    running = projects(engine)
    if wanted is not None:
        if wanted not in running:
            raise UsageError(
                f"no container of the project '{wanted}' runs on {engine.endpoint}.{nearest(wanted, running)}"
            )
        return wanted
    if not running:
        raise UsageError(f"no Compose project runs on {engine.endpoint}: bring yours up first")
    if len(running) > 1:
        listed = ", ".join(f"{name} ({count} containers)" for name, count in running.items())
        raise UsageError(f"several Compose projects run here: {listed}. Say which: saleproof init --compose NAME")
    return next(iter(running))


def survey(engine: Engine, name: str, agent: Agent) -> Survey:
    """Raises: Unavailable."""
    return _Look(engine, name, agent).survey()


class _Look:
    def __init__(self, engine: Engine, name: str, agent: Agent) -> None:
        self._name, self._engine = name, engine
        self._remarks: list[str] = []
        every = project.containers(engine, name)
        self._running = [one for one in every if one.pid]
        self._raw = {one.id: project.raw(engine, one.id) or {} for one in self._running}
        self._of: dict[str, list[Container]] = {}
        for one in self._running:
            self._of.setdefault(one.service, []).append(one)
        down = sorted({one.service for one in every} - self._of.keys())
        if down:
            self._remarks.append(f"does not run, and is left out: {', '.join(down)}")
        self._names = {service: _name(service, self._of) for service in self._of}
        self._seen: dict[str, Any] = {}
        try:
            self._seen = agent.call("connections", places=[(one.pid, one.id) for one in self._running])
        except SaleproofError as cause:
            self._remarks.append(f"connections could not be looked at ({cause}): links are from settings alone")

    def survey(self) -> Survey:
        files = self._files()
        services = {service: self._service(service) for service in self._of}
        outside: dict[tuple[str, int], FoundOutside] = {}
        evidence: dict[tuple[str, str], list[str]] = {}
        for service in self._of:
            self._by_connections(service, evidence)
            self._by_settings(service, evidence, outside)
            for other in self._depends_on(service, files):
                evidence.setdefault((service, other), []).append("depends_on")
        links = []
        for (source, dest), known in evidence.items():
            if dest in services:
                name, protocol = services[dest].name, services[dest].protocol
            else:
                found = next(one for one in outside.values() if one.name == dest)
                name, protocol = found.name, guess.protocol("", found.port if found.port != 443 else 0)
            links.append(
                FoundLink(
                    source=services[source].name, dest=name, protocol=protocol, evidence=tuple(dict.fromkeys(known))
                )
            )
        return Survey(
            project=self._name, endpoint=str(self._engine.endpoint), files=tuple(map(str, self._file_names())),
            services=tuple(services.values()), links=tuple(links), outside=tuple(outside.values()),
            remarks=tuple(dict.fromkeys(self._remarks))[:REMARKS_MAX],
        )  # fmt: skip

    # --- one service

    def _service(self, service: str) -> FoundService:
        containers = self._of[service]
        first = containers[0]
        raw = self._raw[first.id]
        image = str((raw.get("Config") or {}).get("Image", ""))
        listens = self._seen.get(first.id, {}).get("listens", [])
        port = guess.port(first.exposed, first.published, listens)
        protocol = guess.protocol(image, port)
        return FoundService(
            name=self._names[service],
            compose_service=service,
            role=_role(image, service, web=protocol == "http" and port in first.published),
            image=image,
            count=len(containers),
            port=port,
            protocol=protocol,
            published=first.published.get(port, ""),
            health=_health_path(raw, port),
            cannot=tuple(_cannot(first, raw, port)),
        )

    # --- who dials whom

    def _by_connections(self, service: str, evidence: dict[tuple[str, str], list[str]]) -> None:
        owners = {address: one.service for one in self._running for address in one.networks.values()}
        count: dict[str, int] = {}
        for container in self._of[service]:
            for address, port in self._seen.get(container.id, {}).get("dialled", []):
                other = owners.get(address)
                if other is None and not ip_address(address).is_loopback:
                    self._remarks.append(
                        f"{self._names[service]} talks to {address}:{port}, which is not of the project; to disturb "
                        "that, name it: services: {NAME: {external: HOST:PORT}}"
                    )
                elif other is not None and other != service:
                    count[other] = count.get(other, 0) + 1
        for other, many in count.items():
            evidence.setdefault((service, other), []).append(f"{many} connection{'s' * (many > 1)}")

    def _by_settings(
        self,
        service: str,
        evidence: dict[tuple[str, str], list[str]],
        outside: dict[tuple[str, int], FoundOutside],
    ) -> None:
        env = (self._raw[self._of[service][0].id].get("Config") or {}).get("Env") or []
        aliases = self._aliases()
        for named in settings.hosts(env, aliases):
            other = aliases.get(named.host)
            if other == service:
                continue
            if other is not None:
                evidence.setdefault((service, other), []).append(f"the setting {named.setting}")
            elif "." in named.host and named.port:
                at = (named.host, named.port)
                if at not in outside:
                    name = _name(named.host, [*self._of, *(one.name for one in outside.values())])
                    outside[at] = FoundOutside(name=name, host=named.host, port=named.port)
                evidence.setdefault((service, outside[at].name), []).append(f"the setting {named.setting}")
            elif "." in named.host:
                self._remarks.append(f"the setting {named.setting} of {service} names {named.host} without a port")

    def _aliases(self) -> dict[str, str]:
        """Every name by which a service of the project is found -> the service."""
        found: dict[str, str] = {}
        for one in self._running:
            for about in ((self._raw[one.id].get("NetworkSettings") or {}).get("Networks") or {}).values():
                found |= dict.fromkeys(about.get("Aliases") or (), one.service)
            found |= {one.name: one.service, one.service: one.service}
        return found

    def _depends_on(self, service: str, files: Mapping[str, Any]) -> list[str]:
        """From Compose's label, and from its files, which older versions of Compose leave alone."""
        labels = (self._raw[self._of[service][0].id].get("Config") or {}).get("Labels") or {}
        named = [part.partition(":")[0] for part in labels.get(DEPENDS_LABEL, "").split(",")]
        said = files.get(service)
        if isinstance(said, dict):
            named += list(said.get("depends_on") or ())
        return [other for other in dict.fromkeys(named) if other in self._of and other != service]

    # --- its files

    def _file_names(self) -> list[Path]:
        labels = (self._raw[self._running[0].id].get("Config") or {}).get("Labels") or {} if self._running else {}
        folder = Path(labels.get(FOLDER_LABEL, "/"))
        return [folder / name for name in labels.get(FILES_LABEL, "").split(",") if name]

    def _files(self) -> dict[str, Any]:
        """Service -> what its files say of it, the later added to the earlier. What is unreadable is remarked on."""
        import yaml

        found: dict[str, Any] = {}
        for path in self._file_names():
            try:
                content = yaml.safe_load(path.read_text())
                for service, said in (content.get("services") or {}).items():
                    found[service] = {**found.get(service, {}), **(said or {})}
            except FileNotFoundError:
                self._remarks.append(f"its file {path.name} is not on this machine")
            except (OSError, ValueError, AttributeError, TypeError, yaml.YAMLError):
                # Not the error itself: it may quote a line of the file, and with it a secret.
                self._remarks.append(f"its file {path.name} cannot be read here")
        absent = sorted(set(found) - self._of.keys())
        if absent:
            self._remarks.append(f"declared in its files, and not running: {', '.join(absent)}")
        return found


def _role(image: str, service: str, *, web: bool) -> str:
    role = guess.role(image, service)
    return "web" if web and role == "service" else role


def _name(text: str, taken: Iterable[str]) -> str:
    """A name that a target file takes. Compose allows more."""
    name = re.sub(r"[^A-Za-z0-9_-]+", "-", text).strip("-_") or "service"
    name = name if name[0].isalpha() else f"s-{name}"
    if name == text:
        return name
    number, free, known = 2, name, set(taken)
    while free in known:
        free, number = f"{name}-{number}", number + 1
    return free


def _health_path(raw: Mapping[str, Any], port: int) -> str:
    """What the container's own health check asks, if it asks by HTTP, and on that port."""
    check = ((raw.get("Config") or {}).get("Healthcheck") or {}).get("Test") or []
    match = _HEALTH_URL.search(" ".join(map(str, check)))
    if match is None or int(match.group(1) or 80) != port:
        return ""
    return (match.group(2) or "/").partition("?")[0]


def _cannot(container: Container, raw: Mapping[str, Any], port: int) -> list[str]:
    found = []
    network = why_not(container)
    if network:
        found.append(f"no link from it can be attached: {network}")
    if not (raw.get("HostConfig") or {}).get("Memory"):
        found.append("no memory-pressure and no oom: without a limit the machine's own would be used up (mem_limit)")
    if not port:
        found.append("no link to it can be attached: its port is not known (platforms.compose.services)")
    if not container.health:
        found.append("no health check: after a restart it counts as ready as soon as it runs")
    return found
