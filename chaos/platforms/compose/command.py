"""`docker compose`, for what only it can do: bring a project up from its files, and take it down again."""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

from chaos.errors import SpecError, Unavailable
from chaos.model.platform import Progress
from chaos.model.target import Target
from chaos.platforms.compose import project
from chaos.platforms.compose.engine import Endpoint, Engine
from chaos.platforms.compose.project import Container
from chaos.platforms.compose.slots import Slot, assign, compose_part
from chaos.platforms.template import fill

LOOK_EVERY_S = 0.25
DOWN_WITHIN_S = 60.0
# Asked to end, and killed after this: what goes away for good needs no long farewell.
GRACE_S = 2
LOG_LINES = 8  # of a service that does not get healthy


class Compose:
    """The Compose files of one target, on one engine."""

    def __init__(self, target: Target, endpoint: Endpoint, variant: str) -> None:
        self._target, self._endpoint, self._variant = target, endpoint, variant
        self._part = compose_part(target)
        self._folder = Path(target.path).resolve().parent

    def up(self, engine: Engine, slots: Iterable[Slot], progress: Progress) -> None:
        """Return once every instance that is not spare is healthy. Raises: SpecError for a file that is not there,
        Unavailable."""
        for file in self._part.files:
            if not (self._folder / file).is_file():
                message = f"platforms.compose.files: there is no file {self._folder / file}"
                raise SpecError(message, path=self._target.path or None)
        wanted = [slot for slot in slots if not slot.spare]
        until_s = time.monotonic() + float(self._part.up_within)
        told: dict[str, str] = {}
        with tempfile.TemporaryFile() as output:
            words = self._words("up", "--detach")
            process = subprocess.Popen(words, env=self._env(), stdout=output, stderr=subprocess.STDOUT)
            try:
                while True:
                    ended = process.poll()
                    found = assign(wanted, project.containers(engine, self._part.project))
                    _tell(wanted, found, told, progress)
                    if ended not in (None, 0):
                        output.seek(0)
                        said = output.read().decode(errors="replace").strip().splitlines()[-LOG_LINES:]
                        raise Unavailable(
                            f"docker compose cannot bring up '{self._part.project}':\n"
                            + "\n".join(f"    {line}" for line in said)
                        )
                    if ended == 0 and all(_healthy(found.get(slot.name)) for slot in wanted):
                        return
                    lost = next((n for n, c in found.items() if ended == 0 and c.status in ("exited", "dead")), None)
                    if lost is not None or time.monotonic() > until_s:
                        raise Unavailable(self._obituary(engine, wanted, found, lost))
                    time.sleep(LOOK_EVERY_S)
            finally:
                if process.poll() is None:
                    process.terminate()
                process.wait(timeout=DOWN_WITHIN_S)

    def _obituary(self, engine: Engine, wanted: list[Slot], found: dict[str, Container], lost: str | None) -> str:
        name = lost or next(slot.name for slot in wanted if not _healthy(found.get(slot.name)))
        container = found.get(name)
        if container is None:
            return f"{self._target.name}: {name} has no container after {self._part.up_within}"
        with engine.calling(f"show the logs of {name}") as client:
            text = client.api.logs(container.id, tail=LOG_LINES).decode(errors="replace").strip()
        lines = "\n".join(f"    {line}" for line in text.splitlines())
        health = f", {container.health}" if container.health else ""
        return f"{self._target.name}: {name} does not get healthy: it is {container.status}{health}" + (
            f"; its last lines:\n{lines}" if lines else ""
        )

    def down(self, engine: Engine) -> None:
        """Containers and networks of the files' own services, and volumes where the target file says so; what else
        bears the project's name is somebody's. Idempotent. Raises: Unavailable."""
        volumes = ["--volumes"] if self._part.volumes == "remove" else []
        done = self._run("down", "--timeout", str(GRACE_S), *volumes)
        left = project.containers(engine, self._part.project)
        if left and not done.returncode:
            ours = self._run("config", "--services").stdout.split()
            left = tuple(one for one in left if one.service in ours)
        if done.returncode or left:
            said = (done.stderr or done.stdout).strip().splitlines()[-1:] or ["it said nothing"]
            names = ", ".join(one.name for one in left) or "nothing"
            raise Unavailable(
                f"docker compose could not take '{self._part.project}' down ({said[0]}); left: {names}. "
                f"By hand: docker compose -p {self._part.project} down --volumes"
            )

    def _run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """With the services of every profile. Raises: Unavailable."""
        command = self._words("--profile", "*", *words)
        try:
            return subprocess.run(
                command, env=self._env(), capture_output=True, text=True, timeout=DOWN_WITHIN_S, check=False
            )
        except subprocess.TimeoutExpired as cause:
            late = f"docker compose {words[0]} of '{self._part.project}' took more than {DOWN_WITHIN_S:g} s"
            raise Unavailable(late) from cause
        except OSError as cause:
            raise Unavailable(f"the command `docker compose` cannot be run: {cause}") from cause

    def _words(self, *words: str) -> list[str]:
        context = ["--context", self._endpoint.context] if self._by_context else []
        files = [word for file in self._part.files for word in ("--file", str(self._folder / file))]
        return ["docker", *context, "compose", "--project-name", self._part.project, *files, *words]

    @property
    def _by_context(self) -> bool:
        """Does the Docker command need the context for more than the address: for its certificates?"""
        return self._endpoint.context not in ("", "default") and not self._endpoint.is_ssh

    def _env(self) -> dict[str, str]:
        ours = {
            name: fill(text, {"variant": self._variant, "python": ""}, where=f"platforms.compose.env.{name}")
            for name, text in self._part.env.items()
        }
        host = {} if self._by_context else {"DOCKER_HOST": self._endpoint.dialled()}
        return {**os.environ, **host, **ours, "COMPOSE_ANSI": "never", "COMPOSE_PROGRESS": "plain"}


def needs_compose() -> None:
    """Raises: Unavailable when there is no `docker compose` here."""
    try:
        done = subprocess.run(["docker", "compose", "version"], capture_output=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired) as cause:
        raise Unavailable(f"the command `docker compose` cannot be run: {cause}") from cause
    if done.returncode:
        raise Unavailable("the command `docker compose` is not there; install Docker's Compose plugin")


def _healthy(container: Container | None) -> bool:
    return container is not None and container.status == "running" and container.health in ("", "healthy")


def _tell(slots: list[Slot], found: dict[str, Container], told: dict[str, str], progress: Progress) -> None:
    for slot in slots:
        container = found.get(slot.name)
        if container is None:
            continue
        what = container.health if container.status == "running" and container.health else container.status
        what = {"starting": "waiting for its health check", "healthy": "ready", "running": "ready"}.get(what, what)
        if told.get(slot.name) != what:
            told[slot.name] = what
            progress(slot.name, what)
