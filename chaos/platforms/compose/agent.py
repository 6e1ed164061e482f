"""Our own container beside the target: what has to be done on the engine's machine is done there, by `chaos.agent`.

It has no network and is not of the target's project. It shares the machine's processes, so that it can step into a
container's network, find its main process and its cgroup; `docker exec` reaches it on every engine, near or far.
"""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Iterator
from typing import Any

from chaos.errors import Refused, Unavailable
from chaos.platforms.compose import execute, image
from chaos.platforms.compose.engine import CALL_WITHIN_S as ENGINE_WITHIN_S
from chaos.platforms.compose.engine import INSIDE_VARIABLE, Engine
from chaos.platforms.compose.project import Container

AGENT_LABEL = "saleproof.agent"  # its value: the project that it serves
SOCKET = "/var/run/docker.sock"  # on the engine's machine
# What it may do there; nothing of it in the target's own containers.
CAPABILITIES = (
    "NET_ADMIN",  # packet rules and queues in a container's network
    "NET_RAW",  # to ping from there
    "SYS_ADMIN",  # to step into a container's network
    "SYS_PTRACE",  # to see a container's files through /proc/PID/root
    "KILL",  # to end a main process, as the machine itself would
    "DAC_OVERRIDE",  # to write where the container's own user may
    "SETUID", "SETGID", "CHOWN", "FOWNER",
)  # fmt: skip
CALL_WITHIN_S = 30.0
STARTED_WITHIN_S = 10.0
REMOVED_WITHIN_S = 10.0
HELD, CLAIMED = (json.dumps({"do": what, "lease": ""}) for what in ("held", "claimed"))
LOOK_AGAIN_S = 0.05
_starting = threading.Lock()


def name_of(project: str) -> str:
    return f"saleproof-agent-{project}"


def find(engine: Engine, project: str) -> str | None:
    """The running agent's id. Raises: Unavailable."""
    with engine.calling("list containers") as client:
        label = f"{AGENT_LABEL}={project}"
        found = client.api.containers(filters={"label": [label], "status": ["running"]})
    tag = image.tag()
    # Podman puts the registry before the name of an image that was made here.
    return next((str(one["Id"]) for one in found if str(one["Image"]).removeprefix("localhost/") == tag), None)


def ensure(engine: Engine, project: str) -> str:
    """The id of an agent that runs, started here when there is none. Raises: Unavailable; Refused when one of another
    version is there and a run holds its lease."""
    from docker.errors import APIError

    found = find(engine, project)
    if found is not None:
        return found
    with _starting:  # several threads may need it at once; several processes, below
        tag = image.ensure(engine)
        found = find(engine, project)
        if found is not None:
            return found
        _refuse_in_use(engine, project)
        remove(engine, project)
        with engine.calling("start Saleproof's agent") as client:
            try:
                _run(client, engine, project, tag)
            except APIError as cause:
                if cause.status_code != 409:  # the name is taken: another process was quicker
                    raise
        until_s = time.monotonic() + STARTED_WITHIN_S
        while (found := find(engine, project)) is None:
            if time.monotonic() > until_s:
                raise Unavailable(f"Saleproof's agent does not stay up on {engine.endpoint}: {name_of(project)}")
            time.sleep(LOOK_AGAIN_S)
        return found


def _run(client: Any, engine: Engine, project: str, tag: str) -> None:
    client.containers.run(
        tag,
        name=name_of(project),
        detach=True,
        labels={AGENT_LABEL: project},
        command=["python3", "-m", "chaos.agent", "keep"],
        environment={INSIDE_VARIABLE: f"unix://{SOCKET}", "PYTHONDONTWRITEBYTECODE": "1"},
        network_mode="none",
        pid_mode="host",
        cgroupns="host",
        cap_drop=["ALL"],
        cap_add=list(CAPABILITIES),
        security_opt=["apparmor=unconfined", "label=disable"],
        volumes=[f"{_socket(engine)}:{SOCKET}", "/sys/fs/cgroup:/sys/fs/cgroup"],
        auto_remove=True,
    )


def _refuse_in_use(engine: Engine, project: str) -> None:
    """An agent of another version that keeps somebody's lease is not taken away. Raises: Refused, Unavailable."""
    held = leases(engine, project)
    if held:
        raise Refused(
            f"the project '{project}' is in use by run {held[0]}, of another version of Saleproof; wait for it"
        )


def leases(engine: Engine, project: str) -> list[str]:
    """The leases that agents there keep, of whichever version they are. Raises: Unavailable."""
    return _told(engine, project, HELD)


def claims(engine: Engine, project: str) -> list[str]:
    """Whose the project is now, in words; one whose runner is dead goes with its lease. Raises: Unavailable."""
    return _told(engine, project, CLAIMED)


def _told(engine: Engine, project: str, request: str) -> list[str]:
    """What all agents there answer, without starting one. Raises: Unavailable."""
    with engine.calling("list containers") as client:
        label = f"{AGENT_LABEL}={project}"
        found: list[str] = []
        for one in client.api.containers(filters={"label": [label], "status": ["running"]}):
            said = ""
            for _ in range(execute.ASK_AGAIN):  # the engine may lose an answer
                made = client.api.exec_create(one["Id"], ["python3", "-m", "chaos.agent", "lease", request])
                said, _err = execute.output(engine, one["Id"], made["Id"], ENGINE_WITHIN_S)
                if said:
                    break
            try:
                found += json.loads(said).get("result") or []
            except (ValueError, AttributeError):
                continue  # it does not answer, so it renews nothing either
        return found


def _socket(engine: Engine) -> str:
    host = engine.endpoint.host
    return host.removeprefix("unix://") if host.startswith("unix://") else SOCKET


def remove(engine: Engine, project: str) -> None:
    """Idempotent; whatever it was in the middle of has its own way back in the ledger. Raises: Unavailable."""
    from docker.errors import APIError

    until_s = time.monotonic() + REMOVED_WITHIN_S
    while True:
        with engine.calling("remove Saleproof's agent") as client:
            found = client.api.containers(all=True, filters={"label": [f"{AGENT_LABEL}={project}"]})
            if not found:
                return
            for one in found:
                try:
                    client.api.remove_container(one["Id"], force=True, v=True)
                except APIError as cause:
                    if cause.status_code not in (404, 409):  # gone, or going already
                        raise
        if time.monotonic() > until_s:
            raise Unavailable(f"Saleproof's agent does not go away; by hand: docker rm -f {name_of(project)}")
        time.sleep(LOOK_AGAIN_S)


def dismiss(engine: Engine, project: str) -> None:
    """Remove it, unless it keeps a lease, or takes something back: somebody else needs it then. Raises: Unavailable."""
    if not leases(engine, project):
        remove(engine, project)


class Agent:
    """Calls of `chaos.agent`, each a `docker exec`. Starts the agent with the first one that needs it."""

    def __init__(self, engine: Engine, project: str) -> None:
        self._engine = engine
        self._project = project

    def call(
        self, verb: str, container: Container | None = None, /, *, within_s: float = CALL_WITHIN_S, **arguments: Any
    ) -> Any:
        """What the verb returns, as plain data. With a container it is done inside that container's network, by the
        pid of its main process, which the agent checks to be that container's. Raises: Unavailable."""
        if container is not None:
            if not container.pid:
                raise Unavailable(f"{container.name} does not run")
            arguments = {"pid": container.pid, "container": container.id} | arguments
        answer = execute.ask(lambda words: self.run(words, within_s=within_s), "the agent", verb, arguments, within_s)
        if "error" in answer:
            raise Unavailable(f"{verb}: {answer['error']}")
        return answer["result"]

    def run(self, words: list[str], *, within_s: float = 0.0) -> tuple[int, str, str]:
        """Exit code, stdout and stderr of a command in the agent, which takes so long at most; the engine has its own
        time besides. Raises: Unavailable."""
        from docker.errors import APIError

        agent = ensure(self._engine, self._project)
        with self._engine.calling("run something in Saleproof's agent") as client:
            try:
                made = client.api.exec_create(agent, words)
            except APIError:
                # It went away a moment ago: once more, with a new one.
                agent = ensure(self._engine, self._project)
                made = client.api.exec_create(agent, words)
            return execute.finish(self._engine, agent, made["Id"], within_s + ENGINE_WITHIN_S)


@contextlib.contextmanager
def borrowed(engine: Engine, project: str) -> Iterator[None]:
    """While inside, the agent may be started. One that was there before, or keeps a lease by now, stays.

    Raises: Unavailable.
    """
    had_one = find(engine, project) is not None
    try:
        yield
    finally:
        if not had_one:
            dismiss(engine, project)
