"""Runner and watchdog stand still: the fault goes by itself, where the target lives, when its lease runs out."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from chaos.load.control import get_multiplier

from .conftest import Saleproof
from .test_safety import started, until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]
EXPERIMENT = str(Path(__file__).with_name("lease.yaml"))
# The lease lasts 10 s from its last renewal, which may be just done when everything is stopped, and is then looked at
# four times a second.
WITHIN_S = 15.0


def ask(api: str) -> dict[str, Any]:
    """The proxies as any client of Toxiproxy sees them; nothing of ours is used."""
    with urllib.request.urlopen(f"http://{api}/proxies", timeout=5) as answer:
        found: dict[str, Any] = json.load(answer)
    return found


def toxics(api: str) -> list[str]:
    return [toxic["name"] for proxy in ask(api).values() for toxic in proxy["toxics"] or ()]


def round_trip_s(listen: str) -> float:
    """An SSLRequest to PostgreSQL through a link's proxy, and its one byte of an answer: seconds."""
    host, _, port = listen.rpartition(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        began_s = time.monotonic()
        connection.sendall(b"\x00\x00\x00\x08\x04\xd2\x16\x2f")
        assert connection.recv(1) in (b"S", b"N")
        return time.monotonic() - began_s


@contextlib.contextmanager
def standing_still(saleproof: Saleproof, run: subprocess.Popen[str]) -> Iterator[None]:
    """Runner and watchdog are stopped; they go on afterwards, and after a failure are interrupted."""
    watchdog = int(next(line for line in saleproof.leftovers() if "rehearsal.watchdog" in line).split()[0])
    try:
        for pid in (watchdog, run.pid):
            os.kill(pid, signal.SIGSTOP)
        yield
    except BaseException:
        run.send_signal(signal.SIGTERM)
        raise
    finally:
        for pid in (watchdog, run.pid):
            os.kill(pid, signal.SIGCONT)


def test_a_runner_and_a_watchdog_that_stand_still_leave_nothing(saleproof: Saleproof) -> None:
    """Within the lease the latency is gone, as seen by a client that is not ours; going on, the run ends by itself with
    2, says why, and injects nothing more."""
    run, api, fault = started(saleproof, EXPERIMENT)
    links = [proxy["listen"] for proxy in ask(api).values() if proxy["toxics"]]
    assert len(links) == len(toxics(api)) == 3
    assert min(round_trip_s(listen) for listen in links) > 0.25
    with standing_still(saleproof, run):
        stopped_s = time.monotonic()
        until(lambda: toxics(api) == [], within_s=WITHIN_S)
        # Two of three renewals may be lost: it is not taken back at once either.
        assert time.monotonic() - stopped_s > 5
        assert max(round_trip_s(listen) for listen in links) < 0.25
        # It was nobody of the run: all three are in the ledger still.
        assert len(list((saleproof.state / "ledger").glob("*.json"))) == 3
    out, err = run.communicate(timeout=90)
    assert run.returncode == 2, out + err
    # Whoever noticed first says it: the runner itself, or the fault proxy when it was asked.
    assert "the lease ran out: the " in " ".join(out.split())
    assert "stopped" in out
    assert toxics(api) == []
    assert saleproof.json("status")["faults"] == []
    newest = saleproof.json("runs")[0]
    assert (newest["id"], newest["status"], newest["exit"]) == (fault["run"], "aborted", 2)
    events = saleproof("show", fault["run"], "--events").stdout
    assert "nothing more is injected" in events
    # The second step's fault was never injected.
    assert events.count("written down") == 3


def test_a_surge_ends_by_itself(saleproof: Saleproof, tmp_path: Path) -> None:
    """The customers are as many as before; the run that goes on says so, and has kept its record."""
    slow, sale = "latency: {link: web -> db, delay: 300ms, for: 60s}", "surge: {times: 2, for: 60s}"
    surge = tmp_path / "surge.yaml"
    surge.write_text(Path(EXPERIMENT).read_text().replace(slow, sale))
    assert saleproof("up").returncode == 0
    run = saleproof.start("run", str(surge))
    fault = until(lambda: json.loads(saleproof("status", "--json").stdout)["faults"])[0]
    entry = json.loads(next((saleproof.state / "ledger").glob("*.json")).read_text())
    control = entry["undo"]["data"]["control"]
    until(lambda: get_multiplier(control) == 2.0)
    with standing_still(saleproof, run):
        until(lambda: get_multiplier(control) == 1.0, within_s=WITHIN_S)
    out, err = run.communicate(timeout=90)
    assert run.returncode == 2, out + err
    assert "the lease ran out" in " ".join(out.split())
    newest = saleproof.json("runs")[0]
    assert (newest["id"], newest["exit"]) == (fault["run"], 2)
