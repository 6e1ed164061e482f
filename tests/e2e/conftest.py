"""The embedded shop, up once for each variant, in a state folder of the tests' own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from .compose import Tiny

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, kw_only=True)
class Saleproof:
    """The command line with its own state folder."""

    state: Path
    # Most are about the embedded platform, whatever else is up on this machine.
    own: dict[str, str] = field(default_factory=lambda: {"DOCKER_HOST": "unix:///there/is/none"})

    def environment(self) -> dict[str, str]:
        return {**os.environ, **self.own, "SALEPROOF_STATE": str(self.state), "NO_COLOR": "1"}

    def __call__(self, *words: str, timeout_s: float = 240, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "chaos", *words], cwd=cwd, env=self.environment(), capture_output=True, text=True,
            check=False, timeout=timeout_s,
        )  # fmt: skip

    def start(self, *words: str) -> subprocess.Popen[str]:
        """In the background; the caller ends it."""
        return subprocess.Popen(
            [sys.executable, "-m", "chaos", *words], cwd=ROOT, env=self.environment(), stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

    def json(self, *words: str) -> Any:
        done = self(*words, "--json")
        return json.loads(done.stdout)

    def leftovers(self) -> list[str]:
        """Processes of this state folder that still run."""
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            try:
                environ = (process / "environ").read_bytes()
                command = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            except OSError:
                continue
            if str(self.state).encode() in environ and int(process.name) != os.getpid():
                found.append(f"{process.name} {command}")
        return found


@pytest.fixture
def saleproof(tmp_path: Path) -> Iterator[Saleproof]:
    """A state folder of this test's own; whatever it brought up is taken down, and then nothing may be left."""
    command = Saleproof(state=tmp_path / "state")
    yield command
    command("recover")
    command("down")
    assert command.leftovers() == []


@pytest.fixture(scope="module", params=["resilient", "fragile"])
def shop(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Saleproof, str]]:
    """The reference shop, up as one variant for all tests of a module."""
    command = Saleproof(state=tmp_path_factory.mktemp(request.param))
    up = command("up", "--variant", request.param)
    assert up.returncode == 0, up.stderr
    yield command, request.param
    assert command("down").returncode == 0
    assert command.leftovers() == []


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tiny]:
    """The small target in containers: one for all tests of a module; each leaves it as it found it."""
    from .compose import tiny

    with tiny(tmp_path_factory.mktemp("tiny")) as found:
        yield found
