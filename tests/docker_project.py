"""A small project of real containers, labelled as Docker Compose labels them, on whatever Docker engine answers.

with running({"web": Spec(), "db": Spec(memory_mb=64)}) as project:
    platform = project.platform()          # a ComposePlatform on it

Every container runs an HTTP server on port 8000 that answers `ok` on /healthz; the image is Saleproof's own agent's, so
that no registry is needed. Nothing of it stays behind.
"""

from __future__ import annotations

import contextlib
import time
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from chaos.model.target import Compose, ComposeService, Link, Platforms, Service, Target
from chaos.platforms.compose import agent, image
from chaos.platforms.compose.engine import Engine, connect
from chaos.platforms.compose.platform import ComposePlatform
from chaos.platforms.compose.project import NUMBER_LABEL, ONE_OFF_LABEL, PROJECT_LABEL, SERVICE_LABEL

PORT = 8000
SERVER = """
import http.server, os, sys
class Ok(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        body = os.environ.get("SAYS", "ok").encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *words): pass
http.server.ThreadingHTTPServer(("", 8000), Ok).serve_forever()
"""
READY_WITHIN_S = 20.0


@dataclass(frozen=True, kw_only=True)
class Spec:
    """One service. Sizes are limits; 0 is none."""

    count: int = 1
    memory_mb: int = 0
    cpus: float = 0.0
    cpu_quota: int = 0
    restart: str = "no"
    tmpfs: Mapping[str, str] = field(default_factory=dict)  # path -> options
    volumes: tuple[str, ...] = ()
    says: str = "ok"
    network_mode: str = ""  # empty: the project's network
    command: tuple[str, ...] = ("python3", "-c", SERVER)


class Project:
    """Its name is its own, so that two tests never meet."""

    def __init__(self, found: Engine, specs: Mapping[str, Spec], links: Mapping[str, Link] | None = None) -> None:
        self.engine = found
        self.name = f"sptest-{uuid.uuid4().hex[:8]}"
        self.specs = dict(specs)
        self.links = dict(links or {})
        self.network = f"{self.name}_default"

    # up and down

    def up(self) -> None:
        tag = image.ensure(self.engine)
        client = self.engine.client
        labels = {PROJECT_LABEL: self.name, "com.docker.compose.network": "default"}
        client.networks.create(self.network, driver="bridge", labels=labels)
        for service, spec in self.specs.items():
            for number in range(1, spec.count + 1):
                self._run(tag, service, number, spec)
        for service, spec in self.specs.items():
            for number in range(1, spec.count + 1):
                if spec.command == Spec().command:
                    self.wait_ready(self.container_name(service, number))

    def _run(self, tag: str, service: str, number: int, spec: Spec) -> None:
        api = self.engine.client.api
        own: dict[str, Any] = {"network_mode": spec.network_mode} if spec.network_mode else {}
        if not own:
            own = {"network_mode": self.network}
        host = api.create_host_config(
            mem_limit=f"{spec.memory_mb}m" if spec.memory_mb else None,
            memswap_limit=f"{spec.memory_mb}m" if spec.memory_mb else None,
            nano_cpus=round(spec.cpus * 1e9) if spec.cpus else None,
            cpu_quota=spec.cpu_quota or None,
            cpu_period=100_000 if spec.cpu_quota else None,
            restart_policy={"Name": spec.restart} if spec.restart != "no" else None,
            tmpfs=dict(spec.tmpfs) or None,
            binds=list(spec.volumes) or None,
            **own,
        )
        network = None
        if not spec.network_mode:
            endpoint = api.create_endpoint_config(aliases=[service])
            network = api.create_networking_config({self.network: endpoint})
        made = api.create_container(
            tag, list(spec.command), name=self.container_name(service, number), host_config=host,
            networking_config=network, environment={"SAYS": spec.says}, hostname=service,
            stop_signal="SIGINT",
            labels={
                PROJECT_LABEL: self.name, SERVICE_LABEL: service, NUMBER_LABEL: str(number), ONE_OFF_LABEL: "False",
            },
        )  # fmt: skip
        api.start(made["Id"])

    def wait_ready(self, container: str) -> None:
        """Until its server answers; asked from inside, since not every engine's networks can be dialled from here."""
        code = f"import urllib.request as u; u.urlopen('http://127.0.0.1:{PORT}/healthz', timeout=1).read()"
        until_s = time.monotonic() + READY_WITHIN_S
        while self.exec(container, ["python3", "-c", code])[0] != 0:
            assert time.monotonic() < until_s, f"{container} does not answer"
            time.sleep(0.05)

    def down(self) -> None:
        """All that has its name on it, and the agent beside it."""
        from docker.errors import NotFound

        agent.remove(self.engine, self.name)
        client = self.engine.client
        for one in client.api.containers(all=True, filters={"label": [f"{PROJECT_LABEL}={self.name}"]}):
            with contextlib.suppress(NotFound):
                client.api.remove_container(one["Id"], force=True, v=True)
        for network in client.networks.list(filters={"label": [f"{PROJECT_LABEL}={self.name}"]}):
            network.remove()
        for volume in client.volumes.list(filters={"label": [f"{PROJECT_LABEL}={self.name}"]}):
            volume.remove()

    # looking at it

    def container_name(self, service: str, number: int = 1) -> str:
        return f"{self.name}-{service}-{number}"

    def exec(self, container: str, words: list[str]) -> tuple[int, str]:
        """Exit code and output of a command inside one of its containers."""
        found = self.engine.client.containers.get(container).exec_run(words)
        return int(found.exit_code), found.output.decode(errors="replace")

    def inspect(self, service: str, number: int = 1) -> dict[str, Any]:
        found: dict[str, Any] = self.engine.client.api.inspect_container(self.container_name(service, number))
        return found

    def target(self) -> Target:
        """A target file's worth."""
        return Target(
            name=self.name,
            services={n: Service(name=n, count=s.count, slots=s.count) for n, s in self.specs.items()},
            links=self.links,
            platforms=Platforms(
                compose=Compose(
                    project=self.name,
                    services={n: ComposeService(port=PORT, service=n) for n in self.specs},
                )
            ),
        )

    def platform(self) -> ComposePlatform:
        return ComposePlatform(self.target(), self.engine)


@contextlib.contextmanager
def running(specs: Mapping[str, Spec], links: Mapping[str, Link] | None = None) -> Iterator[Project]:
    """Up, and down again whatever happens."""
    project = Project(connect(), specs, links)
    try:
        project.up()
        yield project
    finally:
        project.down()
