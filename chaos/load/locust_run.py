"""Locust, distributed: a master and its workers, whose raw results come as they happen.

Its users wait for each answer before they go on (a closed loop), so a shop that is slow is also asked less: latencies
are from the actual start, and what a stall held back is not in them. The record and the report say so.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import msgspec

from chaos.errors import SpecError, Unavailable
from chaos.load.elsewhere import Elsewhere
from chaos.load.foreign import Result
from chaos.load.locust_plugin_name import FD, PLUGIN
from chaos.model.base import from_json
from chaos.model.requests import Failure
from chaos.model.target import Locust
from chaos.state import open_private

# Locust imports the whole of gevent and Flask.
START_S = 60.0
END_S = 10.0
# One line is what happened in a quarter of a second: a few thousand requests at the most.
LINE_BYTES_MAX = 64 * 1024 * 1024


class Line(msgspec.Struct):
    """What the plugin writes; see there."""

    now_us: int
    rows: list[tuple[int, int, str, str, int, int]] = []
    worker: str = ""
    users: int = 0
    workers: int = 0
    trouble: str = ""


class LocustRun(Elsewhere):
    name = "Locust"

    def start(self, locust: Locust, file: Path, base_url: str, times: float, folder: Path) -> None:
        """Returns when all workers are there and the first users come. Raises: Unavailable, SpecError."""
        if importlib.util.find_spec("locust") is None:
            raise Unavailable("Locust is not installed here: pip install 'saleproof[locust]'")
        if not file.is_file():
            raise SpecError(f"traffic.locust.file: there is no file {file}")
        folder.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        folder.mkdir(exist_ok=True, mode=0o700)
        # In a folder of its own: Locust puts that of each of its files among those that modules are looked for in.
        plugin = folder / PLUGIN.name
        shutil.copyfile(PLUGIN, plugin)
        host, _, port = locust.listen.rpartition(":")
        workers = locust.processes + locust.remote
        self._processes: list[subprocess.Popen[bytes]] = []
        self._logs: list[Path] = []
        self._began = threading.Event()
        ours, theirs = socket.socketpair()
        common = ["-f", f"{file},{plugin}", "--host", base_url, "--loglevel=WARNING"]
        master = [
            "--master", "--headless", "--master-bind-host", host, "--master-bind-port", port,
            "--expect-workers", str(workers), "--expect-workers-max-wait", str(round(START_S)),
            "--users", str(max(1, round(locust.users * times))), "--spawn-rate", f"{locust.spawn_rate:g}",
            "--stop-timeout", "2s", "--only-summary", *locust.args,
        ]  # fmt: skip
        self._running = False
        try:
            with theirs:
                self._spawn([*common, *master], folder / "locust-master.log", theirs.fileno())
            connect = "127.0.0.1" if host == "0.0.0.0" else host  # noqa: S104 (the user's own choice)
            for number in range(1, locust.processes + 1):
                words = [*common, "--worker", "--master-host", connect, "--master-port", port]
                self._spawn(words, folder / f"locust-worker-{number}.log")
            self._reader = threading.Thread(target=self._listen, args=(ours,), name="locust", daemon=True)
            self._reader.start()
            self._await(workers)
        except BaseException:
            self.stop(0.0)
            raise
        self._running = True

    @property
    def pid(self) -> int:
        return self._processes[0].pid

    def stop(self, drain_s: float) -> None:
        self._told = True
        if self._processes and self._processes[0].poll() is None:
            with contextlib.suppress(ProcessLookupError):
                self._processes[0].send_signal(signal.SIGTERM)
        deadline_s = time.monotonic() + END_S
        for process in self._processes:
            try:
                process.wait(max(0.0, deadline_s - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(5.0)
        reader: threading.Thread | None = getattr(self, "_reader", None)
        if reader is not None and reader is not threading.current_thread():
            reader.join(5.0)

    def _spawn(self, words: list[str], log: Path, fd: int | None = None) -> None:
        with open_private(log, anew=True) as said:
            self._processes.append(
                subprocess.Popen(
                    [sys.executable, "-m", "locust", *words],
                    stdin=subprocess.DEVNULL, stdout=said, stderr=said, start_new_session=True,
                    env={**os.environ, **({} if fd is None else {FD: str(fd)})}, pass_fds=() if fd is None else (fd,),
                )
            )  # fmt: skip
        self._logs.append(log)

    def _await(self, workers: int) -> None:
        """Raises: Unavailable when one of them dies, or not all come in time."""
        until_s = time.monotonic() + START_S
        while not self._began.wait(0.1):
            dead = self._dead()
            if dead:
                raise Unavailable(f"Locust did not start: {dead}")
            if time.monotonic() > until_s:
                raise Unavailable(f"Locust's {workers} workers were not all there after {START_S:.0f} s")

    def _dead(self) -> str:
        """Which of our processes has ended, and its last word; empty when none has."""
        for process, log in zip(self._processes, self._logs, strict=True):
            status = process.poll()
            if status is not None:
                lines = [line for line in log.read_text(errors="replace").splitlines() if line.strip()]
                return f"{log.stem} ended with {status}{': ' + lines[-1].strip() if lines else ''}"
        return ""

    def _listen(self, rows: socket.socket) -> None:
        reason = ""
        try:
            with rows, rows.makefile("rb") as stream:
                while line := stream.readline(LINE_BYTES_MAX):
                    reason = self._take(line)
                    if not reason and not self._told:
                        reason = self._dead()
                    if reason:
                        break
        except Exception as cause:  # also what on_batch raised: evidence that cannot be kept is the end of the run
            reason = f"{type(cause).__name__}: {cause}"
        if reason:
            # What is left of it would go on with traffic that nobody records.
            for process in self._processes:
                process.kill()
        elif not self._told:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._processes[0].wait(2.0)
            reason = self._dead() or "Locust ended"
        self.ended(reason)

    def _take(self, line: bytes) -> str:
        """One line; why it is the end, or empty."""
        try:
            told = from_json(line, Line)
            results = [
                Result(start - self._t0_us, took, method, name, status, Failure(failure))
                for start, took, method, name, status, failure in told.rows
            ]
        except (msgspec.MsgspecError, ValueError) as cause:
            return f"what Locust says cannot be read: {cause}"
        if told.users:
            self._began.set()
        self.heard(results)
        return told.trouble
