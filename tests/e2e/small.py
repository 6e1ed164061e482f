"""A small target that is up in a second, and runs of a few seconds on it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ..torture.ground import EXPERIMENT, ROOT, Ground
from ..torture.outside import Outside

LATENCY = "latency: {link: edge -> web, delay: 200ms, for: 6s}"


def until(what: Callable[[], Any], within_s: float = 30.0) -> Any:
    """The first true answer. Raises: AssertionError."""
    deadline_s = time.monotonic() + within_s
    while time.monotonic() < deadline_s:
        if found := what():
            return found
        time.sleep(0.02)
    raise AssertionError("it did not happen in time")


class Small(Ground):
    """The torture's target, with experiments of a test's own."""

    def experiment(self, *steps: str, conditions: str = "availability >= 50%") -> str:
        """A file with these steps, each one fault."""
        text = EXPERIMENT.format(fault="A small run", keys="").split("method:")[0]
        text = text.replace("availability >= 50%", conditions)
        file = self.folder / f"{len(list(self.folder.glob('*.yaml')))}.yaml"
        file.write_text(text + "method:\n" + "".join(f"  - {step}\n" for step in steps) + "recovery: 0s\n")
        return str(file)

    def run(self, *steps: str, env: dict[str, str] | None = None, **options: Any) -> subprocess.Popen[str]:
        """In the background, with pipes for what it says."""
        run = subprocess.Popen(
            self.words("run", self.experiment(*steps or (LATENCY,))), cwd=ROOT, text=True,
            env={**self.environment(), **(env or {})},
            **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options},
        )  # fmt: skip
        self.runs.append(run)
        return run

    def injected(self, run: subprocess.Popen[str]) -> None:
        """Wait until something is broken, as seen from outside."""

        def broken() -> list[str]:
            assert run.poll() is None, run.communicate()
            return self.outside.broken()

        until(broken)

    def ended(self, run: subprocess.Popen[str], within_s: float = 60) -> tuple[int, str]:
        """Its exit code, and all that it said, on one line."""
        out, err = run.communicate(timeout=within_s)
        said = " ".join((out or "").split()) + " " + " ".join((err or "").split())
        assert "Traceback" not in said, said
        return run.returncode, said

    def newest(self) -> dict[str, Any]:
        done = self.command("runs", "--json")
        found: dict[str, Any] = json.loads(done.stdout)[0]
        return found

    def judged(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.command("judge", "last", "--json").stdout)
        return found

    def events(self) -> str:
        return self.command("show", "last", "--events").stdout

    def command(self, *words: str, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        """One that knows no target."""
        return subprocess.run(
            [sys.executable, "-m", "chaos", *words], cwd=ROOT, env={**self.environment(), **(env or {})},
            capture_output=True, text=True, check=False, timeout=120,
        )  # fmt: skip

    def processes(self, program: str) -> list[int]:
        """Those of this state folder whose command line has that word."""
        return marked(str(self.state), program)


def marked(state: str, program: str = "") -> list[int]:
    """Processes that live and have that folder in their environment, and that word in their command line."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            words = (path / "cmdline").read_bytes().decode(errors="replace")
            if program in words and state.encode() in (path / "environ").read_bytes():
                found.append(int(path.name))
        except OSError:
            continue
    return [pid for pid in found if pid != os.getpid()]


@contextmanager
def small() -> Iterator[Small]:
    """Up; afterwards nothing is left, of the target and of what the test did to it."""
    ground = Small()
    with ground:
        yield ground
    assert ground.processes("") == []


__all__ = ["LATENCY", "Outside", "Small", "marked", "small", "until"]
