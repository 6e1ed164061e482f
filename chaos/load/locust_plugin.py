"""Loaded by Locust beside the user's own file: hands every request on as it ends. It needs nothing of Saleproof's, so
that this one file can be copied to where other workers run.

A worker sends its rows along with its report to the master, four times a second; the master writes them, one JSON line
for each report and one a quarter of a second of its own, to the socket whose number is in SALEPROOF_ROWS_FD. A row is
[start, duration, method, name, status, failure], times in microseconds of the worker's CLOCK_MONOTONIC, which is the
master's too where both run on one machine (the same boot id); elsewhere the master finds out by how much they differ.
"""

from __future__ import annotations

import json
import os
import socket
import time
from collections.abc import Mapping
from typing import Any

import gevent
import gevent.lock
from locust import events, runners

EVERY_S = 0.25
FD = "SALEPROOF_ROWS_FD"
KEY = "saleproof"
# As numbered by Saleproof's record.
NONE, STATUS, REFUSED, RESET, PATIENCE, OTHER = range(6)
_FAILURES = (("Refused", REFUSED), ("Timeout", PATIENCE), ("Reset", RESET), ("Aborted", RESET), ("Disconnected", RESET))


def boot_id() -> str:
    try:
        with open("/proc/sys/kernel/random/boot_id") as file:  # noqa: PTH123
            return file.read().strip()
    except OSError:
        return ""


def failure_of(exception: object, status: int) -> int:
    """Why a request failed: an answer that Locust or the user's file does not accept, or none at all."""
    if exception is None:
        return NONE
    if status:
        return STATUS
    seen = f"{type(exception).__name__} {exception!r}"
    return next((failure for word, failure in _FAILURES if word in seen), OTHER)


class Requests:
    """Those of this process since the last report."""

    def __init__(self) -> None:
        self._rows: list[list[Any]] = []

    def ended(
        self, request_type: str, name: str, response_time: float | None, response: Any = None,
        exception: object = None, **_: Any,
    ) -> None:  # fmt: skip
        took_us = round((response_time or 0.0) * 1000)
        status = int(getattr(response, "status_code", 0) or 0)
        start_us = time.monotonic_ns() // 1000 - took_us
        self._rows.append([start_us, took_us, request_type, name, status, failure_of(exception, status)])

    def taken(self) -> dict[str, Any]:
        rows, self._rows = self._rows, []
        return {"boot": boot_id(), "now_us": time.monotonic_ns() // 1000, "rows": rows}

    def report(self, client_id: str, data: dict[str, Any], **_: Any) -> None:
        data[KEY] = self.taken()


class Master:
    """Writes what the workers report, and how they are."""

    def __init__(self, environment: Any, rows: socket.socket) -> None:
        self._environment = environment
        self._rows = rows
        self._boot = boot_id()
        self._behind_us: dict[str, int] = {}  # worker on another machine -> our clock less its own, at the least
        self._lock = gevent.lock.BoundedSemaphore()

    def report(self, client_id: str, data: Mapping[str, Any], **_: Any) -> None:
        """From a worker. One without this file has nothing for us, and that is said."""
        told = data.get(KEY)
        if told is None:
            self.write({"trouble": f"the worker {client_id} does not have Saleproof's plugin"})
            return
        rows = told["rows"]
        if told["boot"] != self._boot or not self._boot:
            now_us = time.monotonic_ns() // 1000
            behind_us = min(now_us - told["now_us"], self._behind_us.get(client_id, 1 << 62))
            self._behind_us[client_id] = behind_us
            rows = [[row[0] + behind_us, *row[1:]] for row in rows]
        self.write({"worker": client_id, "rows": rows})

    def beat(self) -> None:
        """For ever."""
        while True:
            runner = self._environment.runner
            missing = [c.id for c in runner.clients.values() if c.state == runners.STATE_MISSING]
            told: dict[str, Any] = {"users": runner.user_count, "workers": runner.worker_count}
            if missing:
                told["trouble"] = f"the worker {missing[0]} is gone"
            self.write(told)
            gevent.sleep(EVERY_S)

    def write(self, told: dict[str, Any]) -> None:
        line = json.dumps(told | {"now_us": time.monotonic_ns() // 1000}).encode() + b"\n"
        try:
            # Two greenlets, and a line must be whole.
            with self._lock:
                self._rows.sendall(line)
        except OSError:  # nobody listens any more, so nobody needs the traffic
            self._environment.runner.quit()


def begin(environment: Any, runner: Any, **_: Any) -> None:
    """Called once, in the master and in every worker."""
    runners.WORKER_REPORT_INTERVAL = EVERY_S
    if isinstance(runner, runners.MasterRunner):
        if FD not in os.environ:
            return
        master = Master(environment, socket.socket(fileno=int(os.environ[FD])))
        environment.events.worker_report.add_listener(master.report)
        gevent.spawn(master.beat)
    elif isinstance(runner, runners.WorkerRunner):
        requests = Requests()
        environment.events.request.add_listener(requests.ended)
        environment.events.report_to_master.add_listener(requests.report)


_init: Any = events.init
_init.add_listener(begin)
