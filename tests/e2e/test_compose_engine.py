"""The Docker engine stops answering while a fault is on: the run never reads as a pass, and nothing stays broken."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from .compose import Tiny, run_with_its_fault_on
from .conftest import Saleproof
from .relay import Relay
from .test_safety import until

pytestmark = [pytest.mark.e2e, pytest.mark.docker, pytest.mark.timeout(240)]


@dataclass(frozen=True, kw_only=True)
class Far:
    """The small target, and the command line that reaches its engine over a relay."""

    tiny: Tiny
    relay: Relay
    command: Saleproof


@pytest.fixture
def far(small: Tiny, tmp_path: Path) -> Iterator[Far]:
    # The agent is started here: one that a run starts would be given the relay's socket, which is not the engine's.
    small.equip()
    with tempfile.TemporaryDirectory(prefix="saleproof-") as folder:  # a unix socket's path may be 107 bytes long
        relay = Relay(Path(folder) / "engine.sock", small.engine.endpoint.host)
        command = small.command(tmp_path / "state", DOCKER_HOST=relay.host)
        yield Far(tiny=small, relay=relay, command=command)
        until(lambda: command("recover").returncode == 0, within_s=60)
        assert small.toxics() == []
        until(lambda: command.leftovers() == [], within_s=20)
        relay.cut()


def test_an_engine_that_hangs_for_a_while_ends_the_run(far: Far) -> None:
    """The keeper beside the engine takes the fault back when the lease runs out; the run ends with 2 and says why, once
    the engine answers again."""
    run = run_with_its_fault_on(far.tiny, far.command)
    far.relay.freeze()
    frozen_s = time.monotonic()
    until(lambda: far.tiny.toxics() == [], within_s=25)
    assert far.tiny.round_trip_s() < 0.25
    far.relay.thaw()
    out, err = run.communicate(timeout=120)
    assert run.returncode == 2, out + err
    assert "the lease ran out" in " ".join(out.split()), out
    assert time.monotonic() - frozen_s < 120
    newest = far.command.json("runs")[0]
    assert (newest["status"], newest["exit"]) == ("aborted", 2)


def test_an_engine_that_is_gone_is_never_a_pass(far: Far) -> None:
    """Nothing can be read back: exit 3, saying what may be left. The fault itself is gone, by the keeper beside the
    engine; when the engine answers again, `recover` says so."""
    run = run_with_its_fault_on(far.tiny, far.command)
    far.relay.cut()
    out, err = run.communicate(timeout=180)
    assert run.returncode == 3, out + err
    assert "saleproof recover" in " ".join(out.split())
    until(lambda: far.tiny.toxics() == [], within_s=25)
    assert far.command("recover").returncode == 3
    far.relay.listen()
    recovered = far.command("recover")
    assert (recovered.returncode, recovered.stdout.strip()) == (0, "1 of 1 faults reverted")
