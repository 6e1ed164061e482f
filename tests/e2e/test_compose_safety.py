"""Nothing stays broken in containers: a killed runner, a killed watchdog, both standing still, and a Toxiproxy that
restarts or hangs."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from .compose import Tiny, run_with_its_fault_on
from .conftest import Saleproof
from .test_lease import standing_still
from .test_safety import until

pytestmark = [pytest.mark.e2e, pytest.mark.docker, pytest.mark.timeout(240)]


@pytest.fixture
def command(small: Tiny, tmp_path: Path) -> Iterator[Saleproof]:
    """The command line with a state folder of the test's own; nothing may be left of what it began."""
    found = small.command(tmp_path / "state")
    yield found
    until(lambda: found("recover").returncode == 0, within_s=60)
    assert small.toxics() == []
    until(lambda: found.leftovers() == [], within_s=20)


def watchdog(command: Saleproof) -> int:
    return int(next(line for line in command.leftovers() if "rehearsal.watchdog" in line).split()[0])


def test_a_killed_runner_leaves_nothing(small: Tiny, command: Saleproof) -> None:
    """kill -9: the watchdog reverts, and completes the record as crashed."""
    run = run_with_its_fault_on(small, command)
    assert small.round_trip_s() > 0.25
    run.kill()
    run.communicate(timeout=10)
    until(lambda: small.toxics() == [], within_s=10)
    assert small.round_trip_s() < 0.25
    newest = until(lambda: [run for run in command.json("runs") if run["exit"] is not None])[0]
    assert (newest["status"], newest["exit"]) == ("crashed", 70)


def test_runner_and_watchdog_killed_leaves_it_to_recover(small: Tiny, command: Saleproof) -> None:
    """`run` refuses with 75 until `recover`, which reverts from the ledger alone."""
    run = run_with_its_fault_on(small, command)
    os.kill(watchdog(command), signal.SIGKILL)
    run.kill()
    run.communicate(timeout=10)
    again = ("run", small.experiment, "--target", small.target.path, "--platform", "compose")
    refused = command(*again)
    assert refused.returncode == 75
    assert "saleproof recover" in refused.stderr
    recovered = command("recover")
    assert (recovered.returncode, recovered.stdout.strip()) == (0, "1 of 1 faults reverted")
    assert small.toxics() == []
    assert [fault["reverted_by"] for fault in command.json("judge", "last")["faults"]] == ["recover"]


def test_a_runner_and_a_watchdog_that_stand_still_leave_nothing(small: Tiny, command: Saleproof) -> None:
    """When the lease runs out the keeper on the engine takes the fault back, as the edge itself sees; the run that goes
    on ends with 2 and says why."""
    run = run_with_its_fault_on(small, command)
    assert small.round_trip_s() > 0.25
    with standing_still(command, run):
        stopped_s = time.monotonic()
        until(lambda: small.toxics() == [], within_s=20)
        assert time.monotonic() - stopped_s > 4
        assert small.round_trip_s() < 0.25
        assert len(list((command.state / "ledger").glob("*.json"))) == 1  # it was nobody of the run
    out, err = run.communicate(timeout=90)
    assert run.returncode == 2, out + err
    assert "the lease ran out" in " ".join(out.split())


def test_a_toxiproxy_that_restarts_takes_its_fault_along(small: Tiny, command: Saleproof) -> None:
    """It comes back without the toxic: the fault counts as reverted, and the run does not read as a pass."""
    run = run_with_its_fault_on(small, command)
    small.container("toxiproxy").restart(timeout=1)
    out, err = run.communicate(timeout=120)
    assert run.returncode == 2, out + err
    assert "gone before its end" in " ".join(out.split())
    assert small.toxics() == []
    newest = command.json("runs")[0]
    assert newest["exit"] == 2


def test_a_toxiproxy_that_hangs_is_a_fault_that_is_stuck(small: Tiny, command: Saleproof) -> None:
    """Exit 3, saying what is left and how to remove it; once Toxiproxy goes on, `recover` cleans up."""
    run = run_with_its_fault_on(small, command)
    proxy = small.container("toxiproxy")
    proxy.pause()
    try:
        run.send_signal(signal.SIGTERM)
        out, err = run.communicate(timeout=120)
        said = " ".join(out.split())
        assert run.returncode == 3, out + err
        assert "saleproof recover" in said
        assert "curl -X DELETE" in said
    finally:
        proxy.unpause()
    until(lambda: command("recover").returncode == 0, within_s=60)
    assert small.round_trip_s() < 0.25
