"""The voting app as real containers, a decoy that looks like it, and everything that a snapshot compares."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import re
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from chaos.platforms.compose import agent, image, sidecar
from chaos.platforms.compose.agent import Agent
from chaos.platforms.compose.engine import Engine, connect
from chaos.platforms.compose.project import PROJECT_LABEL

FILE = Path(__file__).parent / "voting" / "compose.yaml"
SECRETS = ("hunter2-of-the-voting-app", "correct horse", "correct-horse")
TALLY = "import http.server as h; h.test(h.SimpleHTTPRequestHandler, h.ThreadingHTTPServer, port=9000)"
# What changes by itself while a container runs.
PASSING = re.compile(r"counter packets \d+ bytes \d+")


@dataclass
class Answer:
    """What one request came to."""

    at_s: float
    took_s: float
    status: int  # 0: no answer


class Voting:
    """One project of the app. Its name is its own, so that two tests never meet."""

    def __init__(self, found: Engine, name: str) -> None:
        self.engine, self.name = found, name

    def compose(self, *words: str) -> None:
        done = subprocess.run(
            ["docker", "compose", "--project-name", self.name, "--file", str(FILE), *words],
            env={**os.environ, "VOTING_IMAGE": image.ensure(self.engine)}, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr

    def up(self) -> None:
        self.compose("up", "--detach", "--wait")

    def down(self) -> None:
        for one in sidecar.sidecars(self.engine, self.name):
            sidecar.remove(self.engine, one)
        agent.remove(self.engine, self.name)
        self.compose("down", "--timeout", "1", "--volumes")

    def container(self, service: str) -> str:
        return f"{self.name}-{service}-1"

    def inspect(self, service: str) -> dict[str, Any]:
        found: dict[str, Any] = self.engine.client.api.inspect_container(self.container(service))
        return found

    def port(self, service: str) -> int:
        return int(self.inspect(service)["NetworkSettings"]["Ports"]["80/tcp"][0]["HostPort"])

    def ask(self, path: str = "/", service: str = "vote", method: str = "GET") -> Answer:
        began_s = time.monotonic()
        try:
            connection = http.client.HTTPConnection("127.0.0.1", self.port(service), timeout=10)
            with contextlib.closing(connection):
                connection.request(method, path)
                answer = connection.getresponse()
                answer.read()
                status = answer.status
        except OSError:
            status = 0
        return Answer(began_s, time.monotonic() - began_s, status)

    # --- what must be the same before and after

    def snapshot(self, reader: Agent) -> dict[str, Any]:
        """Every container as `docker inspect` shows it, every network, and the packet rules in every container."""
        api = self.engine.client.api
        label = {"label": [f"{PROJECT_LABEL}={self.name}"]}
        containers = {one["Names"][0]: api.inspect_container(one["Id"]) for one in api.containers(filters=label)}
        rules = {name: self.rules(reader, about["State"]["Pid"]) for name, about in containers.items()}
        for about in containers.values():
            # Its health checks' log and its times; what it was found to be stays.
            about["State"].get("Health", {}).pop("Log", None)
            about["ExecIDs"] = None
        networks = {one["Name"]: api.inspect_network(one["Id"]) for one in api.networks(filters=label)}
        return {"containers": containers, "networks": networks, "rules": rules}

    @staticmethod
    def rules(reader: Agent, pid: int) -> str:
        code, out, err = reader.run(["nsenter", "-t", str(pid), "-n", "nft", "list", "ruleset"])
        assert code == 0, err
        return PASSING.sub("counter", out)

    def sidecar(self, service: str) -> sidecar.Sidecar:
        caller = self.inspect(service)["Id"]
        return next(one for one in sidecar.sidecars(self.engine, self.name) if one.caller == caller)


@dataclass
class Customers:
    """Somebody who asks all the time, ten times a second, each time anew."""

    voting: Voting
    path: str = "/"
    answers: list[Answer] = field(default_factory=list)

    def __enter__(self) -> Customers:
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._ask)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.set()
        self._thread.join()

    def _ask(self) -> None:
        while not self._ending.wait(0.1):
            self.answers.append(self.voting.ask(self.path))

    def since(self, at_s: float) -> list[Answer]:
        return [one for one in self.answers if one.at_s >= at_s]


def saleproof(*words: str, code: int = 0, or_codes: tuple[int, ...] = ()) -> str:
    """The command as a person runs it; what it printed on stdout, and where it is to fail on stderr too."""
    done = subprocess.run([sys.executable, "-m", "chaos", *words], capture_output=True, text=True, check=False)
    assert done.returncode in (code, *or_codes), (
        f"saleproof {' '.join(words)}: exit {done.returncode}\n{done.stdout}{done.stderr}"
    )
    return done.stdout + (done.stderr if code else "")


def status(target: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(saleproof("status", "--target", str(target), "--json"))
    return found


@contextlib.contextmanager
def apps() -> Iterator[tuple[Voting, Voting, Agent]]:
    """The app, its decoy (same image, similar name, another project), and an agent that only reads."""
    found = connect()
    name = f"sptest-voting-{uuid.uuid4().hex[:6]}"
    voting, decoy, reader = Voting(found, name), Voting(found, f"{name}-2"), f"{name}-reader"
    tally = f"{name}-tally"
    try:
        voting.up()
        decoy.up()
        # The provider is outside: of no project, found by its name.
        network = f"{name}_front"
        endpoint = found.client.api.create_endpoint_config(aliases=["tally.example"])
        made = found.client.api.create_container(
            image.ensure(found), ["python3", "-c", TALLY], name=tally, ports=[9000],
            networking_config=found.client.api.create_networking_config({network: endpoint}),
            host_config=found.client.api.create_host_config(network_mode=network),
        )  # fmt: skip
        found.client.api.start(made["Id"])
        agent.ensure(found, reader)
        yield voting, decoy, Agent(found, reader)
    finally:
        agent.remove(found, reader)
        with contextlib.suppress(Exception):
            found.client.api.remove_container(tally, force=True, v=True)
        voting.down()
        decoy.down()
