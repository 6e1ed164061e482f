"""Whole runs without traffic of ours: the target's own users, as a real Prometheus sees them."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import signal
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.prometheus import PASSWORD, USER, Guarded, Prometheus, guarded, prometheus
from tests.tls import Authority

from .conftest import Saleproof

pytestmark = pytest.mark.e2e

HERE = Path(__file__).parent
EXPERIMENT = """\
title: Users do not notice that the back is gone
target: userly
load: none
windows: {{warm-up: 0s, before: 3s, after: 3s}}
hypothesis: [answered >= 90%, waited.p90 < 5s]
abort: [{abort}]
method:
  - down: {{link: front -> back, for: 6s}}
recovery: 1s
"""


@contextlib.contextmanager
def up(
    folder: Path, door: Guarded | None = None, said: str = "", **environment: str
) -> Iterator[tuple[Saleproof, Prometheus, Path]]:
    """Up, with users, and scraped for long enough to know their rate; `said` is what its file says of the server."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        metrics = free.getsockname()[1]
    (folder / "targets").mkdir()
    text = (HERE / "userly.yaml").read_text().replace("prometheus:\n", f"prometheus:\n{said}")
    text = text.replace("PROGRAM", str(HERE / "userly.py")).replace("METRICS", f"'{metrics}'")
    target = folder / "targets" / "userly.yaml"
    target.write_text(text)
    with prometheus({"front": [f"127.0.0.1:{metrics}"]}, guarded=door) as server:
        own = {"DOCKER_HOST": "unix:///there/is/none", "PROMETHEUS_URL": server.url, **environment}
        saleproof = Saleproof(state=folder / "state", own=own)
        done = saleproof("up", "--target", str(target))
        assert done.returncode == 0, done.stderr
        yield saleproof, server, folder
        assert saleproof("down", "--target", str(target)).returncode == 0
    assert saleproof.leftovers() == []


@pytest.fixture(scope="module")
def userly(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Saleproof, Prometheus, Path]]:
    with up(tmp_path_factory.mktemp("userly")) as found:
        yield found


def experiment(folder: Path, abort: str) -> str:
    path = folder / "experiment.yaml"
    path.write_text(EXPERIMENT.format(abort=abort))
    return str(path)


def ready(saleproof: Saleproof, path: str) -> dict[str, Any]:
    """The plan, once the users' rate is known and enough."""
    until_s = time.monotonic() + 30
    while True:
        done = saleproof("plan", path, "--json")
        if done.returncode == 0:
            plan: dict[str, Any] = json.loads(done.stdout)
            if plan["sources"] and plan["sources"][0]["per_s"]:
                return plan
        assert time.monotonic() < until_s, done.stdout + done.stderr
        time.sleep(0.5)


def test_users_are_judged_as_prometheus_saw_them(userly: tuple[Saleproof, Prometheus, Path]) -> None:
    """The plan says where the numbers come from, how late, and that they are enough; the outage is found during the
    fault and nowhere else; waiting times that a refusal does not lengthen are held; judged again, it is the same."""
    saleproof, server, folder = userly
    path = experiment(folder, "metrics-up < 1 for 60s")
    plan = ready(saleproof, path)
    answered = plan["sources"][0]
    assert answered["source"] == f"Prometheus at {server.url}"
    assert 0.5 < answered["interval"] < 1.5
    assert 1.5 < answered["delay"] < 5.0
    # Users on a busy machine may have spent their budget already.
    done = saleproof("run", path, "--json", "--ignore-budget")
    assert done.stdout, done.stderr
    verdict = json.loads(done.stdout)
    assert (done.returncode, verdict["outcome"]) == (1, "deviated"), done.stdout + done.stderr
    checks = {(c["window"], c["condition"]): c for c in verdict["checks"]}
    outage = checks["during 1", "answered >= 90%"]
    assert outage["outcome"] == "deviated"
    assert outage["bad"] == outage["total"] > 100
    assert {key for key, c in checks.items() if c["outcome"] != "held"} == {("during 1", "answered >= 90%")}
    again = saleproof("judge", "last", "--json")
    assert json.loads(again.stdout)["checks"] == verdict["checks"]
    shown = saleproof("show", "last").stdout
    assert "No traffic of ours" in shown
    # Real users paid for it, from a budget that is a minute old: there is nothing left of it for another run.
    [charge] = verdict["charges"]
    assert (charge["slo"], charge["budget"]) == ("answers", "real")
    assert charge["bad"] >= outage["bad"]
    assert "error budgets, real: what users felt" in shown
    target = str(folder / "targets" / "userly.yaml")
    status = json.loads(saleproof("slo", "status", "--target", target, "--json").stdout)
    [left] = [budget for budget in status["budgets"] if budget["kind"] == "real"]
    assert left["left"] < 0
    assert left["burn"] > 1
    refused = saleproof("run", path)
    assert refused.returncode == 75, refused.stdout + refused.stderr
    assert "answers (answered >= 99%, 30d): nothing of its real budget is left" in refused.stderr


def test_the_guard_aborts_by_prometheus_and_without_it(userly: tuple[Saleproof, Prometheus, Path]) -> None:
    """What is too bad ends the run within the delay that was stated; a Prometheus that hangs ends it too, as
    inconclusive: a guard that sees nothing is none."""
    saleproof, server, folder = userly
    path = experiment(folder, "answered < 50%")
    ready(saleproof, path)
    done = saleproof("run", path, "--json", "--ignore-budget")
    verdict = json.loads(done.stdout)
    assert (done.returncode, verdict["status"]) == (1, "aborted"), done.stdout + done.stderr
    assert "aborted by the guard: answered < 50%" in verdict["reasons"][0]
    assert verdict["faults"][0]["on_s"] is not None, saleproof("show", "last", "--events").stdout
    assert verdict["faults"][0]["on_s"] < 6.0

    ready(saleproof, path)

    def hang() -> None:
        until_s = time.monotonic() + 30
        while not any((saleproof.state / "ledger").glob("*.json")) and time.monotonic() < until_s:
            time.sleep(0.05)
        os.kill(server.popen.pid, signal.SIGSTOP)

    hanging = threading.Thread(target=hang)
    hanging.start()
    try:
        done = saleproof("run", experiment(folder, "metrics-up < 1 for 60s"), "--json", "--ignore-budget")
    finally:
        hanging.join()
        os.kill(server.popen.pid, signal.SIGCONT)
    verdict = json.loads(done.stdout)
    assert (done.returncode, verdict["status"], verdict["outcome"]) == (2, "aborted", "inconclusive"), done.stderr
    assert "the guard could not watch metrics-up < 1" in verdict["reasons"][0]
    assert verdict["faults"][0]["reverted"]


def test_behind_tls_and_a_password_it_is_the_same_and_the_password_is_seen_nowhere(tmp_path: Path) -> None:
    """A whole run: not in what it prints, nor in its record, nor in the list of processes. With a wrong password, or a
    certificate nobody signed whom we trust, nothing is disturbed."""
    made, other = Authority(tmp_path, "made"), Authority(tmp_path, "other")
    said = f"  ca: ${{OUR_CA}}\n  username: {USER}\n  password: ${{OUR_SECRET}}\n"
    door = guarded(made.sign("server", "IP:127.0.0.1"))
    with up(tmp_path, door, said, OUR_SECRET=PASSWORD, OUR_CA=str(made.cert)) as (saleproof, _, folder):
        path = experiment(folder, "metrics-up < 1 for 60s")
        ready(saleproof, path)
        listed = Listed()
        running = saleproof.start("run", path, "--json", "--ignore-budget")
        while running.poll() is None:
            listed.look()
            time.sleep(0.1)
        out, err = running.communicate(timeout=10)
        assert (running.returncode, json.loads(out)["outcome"]) == (1, "deviated"), out + err
        assert listed.seen
        shown = "".join(saleproof("show", "last", *more).stdout for more in ((), ("--events",), ("--json",)))
        assert "Prometheus" in shown
        assert PASSWORD not in out + err + shown
        assert PASSWORD not in listed.text
        kept = [f for f in saleproof.state.rglob("*") if f.is_file()]
        assert [f for f in kept if PASSWORD.encode() in f.read_bytes()] == []

        for wrong, told in (
            ({"OUR_SECRET": "of-yesterday"}, "refuses us with status 401; see username and password (${OUR_SECRET})"),
            ({"OUR_CA": str(other.cert)}, f"its certificate is signed by nobody in {other.cert}; see prometheus.ca"),
            ({"OUR_SECRET": ""}, "the environment variable OUR_SECRET is not set"),
        ):
            refused = dataclasses.replace(saleproof, own={**saleproof.own, **wrong})
            done = refused("run", path, "--ignore-budget")
            assert done.returncode == 69, done.stdout + done.stderr
            assert told in done.stderr
            assert "of-yesterday" not in done.stdout + done.stderr
            assert list((saleproof.state / "ledger").glob("*.json")) == []


class Listed:
    """What `ps` shows to everybody."""

    def __init__(self) -> None:
        self.text, self.seen = "", 0

    def look(self) -> None:
        for process in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                words = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                if "chaos" in words or "saleproof" in words:
                    self.seen += 1
                    self.text += words + "\n"
