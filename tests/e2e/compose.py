"""The small target in containers, for whole runs of the command line, and what is seen of it from outside."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chaos.model.target import Target
from chaos.platforms.compose import agent, image, project
from chaos.platforms.compose.engine import Engine, connect
from chaos.platforms.compose.platform import ComposePlatform
from chaos.proxy.client import ToxiproxyClient
from chaos.spec import load_target

from .conftest import ROOT, Saleproof

sys.path.insert(0, str(ROOT / "tests"))

from offline_images import variables

HERE = Path(__file__).parent
FILES = ROOT / "tests" / "conformance" / "compose.yaml"
LINK = "edge -> web"

# One request of the edge through the link's proxy, by what is in its own image; nothing of ours is asked.
ROUND_TRIP = """
import time, urllib.request
began = time.monotonic()
urllib.request.urlopen("http://toxiproxy:21001/healthz", timeout=10).read()
print(time.monotonic() - began)
"""


@dataclass(frozen=True, kw_only=True)
class Tiny:
    """Up under a name of its own."""

    target: Target
    experiment: str
    environment: dict[str, str]  # for its Compose file

    @property
    def engine(self) -> Engine:
        return connect()

    @property
    def project(self) -> str:
        assert self.target.platforms.compose is not None
        return self.target.platforms.compose.project

    def command(self, state: Path, **more: str) -> Saleproof:
        """The command line on it, on this machine's own engine or the one of `DOCKER_HOST`."""
        return Saleproof(state=state, own={**self.environment, "DOCKER_HOST": self.engine.endpoint.host, **more})

    def platform(self) -> ComposePlatform:
        found = ComposePlatform.attach(self.target)
        assert found is not None
        return found

    def toxics(self) -> list[str]:
        """As Toxiproxy itself says."""
        states = ToxiproxyClient(self.platform().proxy_api).proxies()
        return [toxic.name for proxy in states.values() for toxic in proxy.toxics]

    def container(self, service: str) -> Any:
        (found,) = project.containers(self.engine, self.project, service)
        return self.engine.client.containers.get(found.id)

    def round_trip_s(self) -> float:
        """As the edge itself sees it."""
        code, output = self.container("edge").exec_run(["python3", "-c", ROUND_TRIP])
        assert code == 0, output
        return float(output)

    def equip(self) -> None:
        agent.ensure(self.engine, self.project)


@contextlib.contextmanager
def tiny(folder: Path) -> Iterator[Tiny]:
    """Up, and down again whatever happens."""
    name = f"saleproof-e2e-{uuid.uuid4().hex[:6]}"
    (folder / "targets").mkdir(parents=True)
    file = folder / "targets" / "tiny.yaml"
    file.write_text((HERE / "tiny.yaml").read_text().replace("PROJECT", name).replace("FILES", str(FILES)))
    experiment = folder / "quick.yaml"
    experiment.write_text((HERE / "tiny-quick.yaml").read_text())
    environment = {**variables(), "TINY_IMAGE": image.ensure(connect())}
    found = Tiny(target=load_target(file), experiment=str(experiment), environment=environment)
    command = found.command(folder / "state")
    try:
        up = command("up", "--target", str(file), "--platform", "compose")
        assert up.returncode == 0, up.stderr
        yield found
    finally:
        down = command("down", "--target", str(file), "--platform", "compose")
        assert down.returncode == 0, down.stderr
        assert left(found.engine, name) == []


def left(engine: Engine, name: str) -> list[str]:
    """Containers, networks and volumes that have anything to do with the project."""
    api = engine.client.api
    labels = {"label": [f"com.docker.compose.project={name}"]}
    return [
        *(one["Names"][0] for one in api.containers(all=True) if name in " ".join(one["Names"])),
        *(one["Name"] for one in api.networks(filters=labels)),
        *(one["Name"] for one in api.volumes(filters=labels)["Volumes"] or ()),
    ]


def run_with_its_fault_on(tiny: Tiny, saleproof: Saleproof, within_s: float = 60.0) -> subprocess.Popen[str]:
    """A run in the background, once its toxic is there."""
    run = saleproof.start("run", tiny.experiment, "--target", tiny.target.path, "--platform", "compose")
    until_s = time.monotonic() + within_s
    while not tiny.toxics():
        assert run.poll() is None, run.communicate()
        assert time.monotonic() < until_s, "the fault did not come"
        time.sleep(0.1)
    return run
