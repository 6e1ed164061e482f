"""Small real targets, each in a state folder of its own, and the check that nothing of them is left."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from chaos.errors import SaleproofError
from chaos.model.target import Embedded, Link, Platforms, ProcessService, Ready, Restart, Service, Target
from chaos.platforms.embedded.platform import EmbeddedPlatform
from chaos.units import Duration

PROGRAM = Path(__file__).parent / "programs" / "service.py"


def marked(state: Path) -> dict[int, str]:
    """Pids of living processes that inherited a target's mark from this state folder, with their command lines."""
    found = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        with contextlib.suppress(OSError):
            ours = f"SALEPROOF_TARGET_STATE={state}".encode() in (entry / "environ").read_bytes()
            ours = ours or str((entry / "cwd").readlink()).startswith(str(state / "embedded"))
            if ours and (entry / "stat").read_text().rpartition(")")[2].split()[0] not in "ZX":
                found[int(entry.name)] = (entry / "cmdline").read_text().replace("\0", " ")
    return found


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A state folder of the test's own. Fails the test when a process of its targets outlives it."""
    folder = tmp_path / "state"
    monkeypatch.setenv("SALEPROOF_STATE", str(folder))
    yield folder
    left = marked(folder)
    for pid in left:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    assert not left, f"processes were left behind: {left}"


Up = Callable[..., EmbeddedPlatform]


@pytest.fixture
def up(state: Path) -> Iterator[Up]:
    """Bring a target up; it is taken down after the test, whatever became of it."""
    targets: list[Target] = []

    def bring(target: Target, variant: str = "default", **options: Any) -> EmbeddedPlatform:
        targets.append(target)
        return EmbeddedPlatform.up(target, variant, **options)

    yield bring
    for target in targets:
        with contextlib.suppress(SaleproofError):
            EmbeddedPlatform.clean(target)


class Build:
    """Values for tests: services and targets of small programs."""

    @staticmethod
    def service(*arguments: str, **changes: Any) -> ProcessService:
        """The test's program. Restarts come quickly."""
        said: dict[str, Any] = {
            "run": ("{python}", "-S", str(PROGRAM), "--port", "{port}", *arguments),
            "ready": Ready(tcp=False, http="/"),
            "restart": Restart(backoff=Duration(0.05)),
            "stop_within": Duration(2),
        }
        return ProcessService(**{**said, **changes})

    @staticmethod
    def target(
        services: dict[str, ProcessService],
        *,
        links: tuple[tuple[str, str], ...] = (),
        slots: dict[str, tuple[int, int]] | None = None,
        **changes: Any,
    ) -> Target:
        """`slots` are (running, declared) for services that have more than one."""
        counts = slots or {}
        declared = {
            name: Service(name=name, count=counts.get(name, (1, 1))[0], slots=counts.get(name, (1, 1))[1])
            for name in services
        }
        part = Embedded(services=services, **{key: changes.pop(key) for key in ("sql", "env") if key in changes})
        joined = {f"{a} -> {b}": Link(source=a, dest=b, protocol="http") for a, b in links}
        return Target(
            name=changes.pop("name", "corner-shop"),
            services=declared,
            links=joined,
            platforms=Platforms(embedded=part),
            **changes,
        )


@pytest.fixture
def build() -> type[Build]:
    return Build


def _ask(address: str) -> dict[str, Any]:
    with urllib.request.urlopen(f"http://{address}/", timeout=5) as answer:
        found = json.load(answer)
    assert isinstance(found, dict)
    return found


@pytest.fixture
def ask() -> Callable[[str], dict[str, Any]]:
    """What the test's program at an address says about itself."""
    return _ask


def _eventually(holds: Callable[[], Any], within_s: float = 15.0) -> Any:
    deadline = time.monotonic() + within_s
    while not (found := holds()):
        assert time.monotonic() < deadline, f"not within {within_s} s"
        time.sleep(0.02)
    return found


@pytest.fixture
def eventually() -> Callable[..., Any]:
    """Wait until something holds, and return it."""
    return _eventually


@pytest.fixture
def proc_state() -> Callable[[int], str]:
    """The state letter of a process; empty when there is none."""

    def letter(pid: int) -> str:
        try:
            return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            return ""

    return letter


@pytest.fixture
def kill9() -> Callable[[int | None], None]:
    """SIGKILL from outside, to a process that there must be: `os.kill(0)` would hit the test itself."""

    def kill(pid: int | None) -> None:
        assert pid
        os.kill(pid, signal.SIGKILL)

    return kill


@pytest.fixture
def supervisor_pid(state: Path) -> Callable[[], int]:
    """The pid of the supervisor of the corner shop."""

    def read() -> int:
        found = json.loads((state / "embedded" / "corner-shop" / "supervisor.json").read_text())
        return int(found["process"]["pid"])

    return read


@pytest.fixture
def checkout() -> Path:
    """The folder that holds `chaos/` and `targets/`."""
    import chaos

    assert chaos.__file__ is not None
    return Path(chaos.__file__).parents[1]


@pytest.fixture
def python() -> str:
    return sys.executable
