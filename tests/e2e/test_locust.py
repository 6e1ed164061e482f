"""A whole run whose traffic Locust makes, with two workers."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest

from .conftest import Saleproof

pytestmark = pytest.mark.e2e

TARGET = """\
target: loc
services: {back: {}}
traffic:
  entry: back
  rate: 150/s
  names: {home: "GET /"}
  locust: {file: ../locustfile.py, users: 10, processes: 2, listen: "127.0.0.1:PORT"}
platforms:
  embedded:
    services:
      back: {run: ["{python}", PROGRAM, back, "{port}"], ready: {http: /healthz}}
"""
EXPERIMENT = """\
title: Customers do not notice a stopped shop
target: loc
windows: {warm-up: 1s, before: 3s, after: 3s}
hypothesis: [availability >= 95%, home.p95 < 2s]
method:
  - stop: {service: back, for: 3s}
recovery: 3s
"""
LOCUSTFILE = """\
from locust import FastHttpUser, constant_throughput, task

class Customer(FastHttpUser):
    wait_time = constant_throughput(20)

    @task
    def home(self):
        self.client.get("/")
"""


def test_a_run_whose_traffic_does_not_start_is_said_to_have_never_begun(saleproof: Saleproof, tmp_path: Path) -> None:
    """65 with the reason, and so says its record, which breaks off otherwise, like that of a run that was killed."""
    (tmp_path / "targets").mkdir()
    text = TARGET.replace("PROGRAM", str(Path(__file__).with_name("userly.py"))).replace("PORT", "1")
    (tmp_path / "targets" / "loc.yaml").write_text(text)
    experiment = tmp_path / "x.yaml"
    experiment.write_text(EXPERIMENT)
    assert saleproof("run", str(experiment)).returncode == 65
    [run] = json.loads(saleproof("runs", "--json").stdout)
    assert run["status"] == "aborted"
    judged = json.loads(saleproof("judge", "last", "--json").stdout)
    assert (judged["exit_code"], judged["status"]) == (2, "aborted")
    assert "it never began: traffic.locust.file: there is no file" in judged["reasons"][0]


def test_a_run_is_judged_by_what_locust_saw(saleproof: Saleproof, tmp_path: Path) -> None:
    """The outage during the fault, and nothing before and after; and the verdict says what such traffic cannot show."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    (tmp_path / "targets").mkdir()
    text = TARGET.replace("PROGRAM", str(Path(__file__).with_name("userly.py"))).replace("PORT", str(port))
    (tmp_path / "targets" / "loc.yaml").write_text(text)
    (tmp_path / "locustfile.py").write_text(LOCUSTFILE)
    experiment = tmp_path / "x.yaml"
    experiment.write_text(EXPERIMENT)
    done = saleproof("run", str(experiment), "--json")
    verdict = json.loads(done.stdout)
    assert (done.returncode, verdict["outcome"]) == (1, "deviated"), done.stdout + done.stderr
    checks = {(check["window"], check["condition"]): check["outcome"] for check in verdict["checks"]}
    assert checks["before", "availability >= 95%"] == "held"
    assert checks["during 1", "availability >= 95%"] == "deviated"
    assert checks["after 1", "home.p95 < 2s"] == "held"
    assert "coordinated omission" in verdict["notes"][0]
    assert verdict["requests"] > 500
    assert (verdict["customers"], verdict["generator_lag_p99_s"]) == (0, None)
    assert "by Locust" in saleproof("show", "last").stdout
