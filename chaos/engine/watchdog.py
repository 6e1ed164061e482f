"""The watchdog: a process in a session of its own that outlives the runner by exactly one clean-up.

It holds the read end of a pipe whose write end only the runner has. When the runner is gone, for whatever reason, the
pipe closes: everything in the ledger for this run is reverted and read back, the record is completed as `crashed`, and
what the run had brought up is taken down. A runner that ends well says so first.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path

from chaos.errors import SaleproofError
from chaos.state import STORE_VARIABLE, open_private

DONE = b"done\n"
MODULE = "chaos.rehearsal.watchdog"


class Watchdog:
    """The runner's side. `start` returns once the watchdog watches. Raises: SaleproofError when it does not."""

    def __init__(self, run_id: str, state: Path, store: str, bring_down: Path | None, log: Path) -> None:
        self._arguments = ["--run", run_id, "--state", str(state)]
        # In its environment, which is its user's alone: a URL may hold a password, and arguments are everybody's.
        self._environment = {**os.environ, STORE_VARIABLE: store}
        if bring_down is not None:
            self._arguments += ["--down", str(bring_down)]
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with open_private(self._log) as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", MODULE, *self._arguments],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, start_new_session=True,
                env=self._environment,
            )  # fmt: skip
        assert self._process.stdout is not None
        if self._process.stdout.readline() != b"watching\n":
            raise SaleproofError(f"the watchdog did not start, so nothing may be injected; see {self._log}")

    @property
    def pid(self) -> int:
        return self._process.pid if self._process else 0

    def alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def release(self, *, clean: bool) -> None:
        """The run is over. A clean one leaves the watchdog nothing to do; otherwise it goes on trying, by itself."""
        if self._process is None or self._process.stdin is None:
            return
        try:
            if clean:
                self._process.stdin.write(DONE)
            self._process.stdin.close()
            if not clean:
                return
        except BrokenPipeError:
            return  # it died before; the guard has said so
        try:
            self._process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def wait_for_end() -> bool:
    """The watchdog's side: blocks until the runner is gone. True when it said that it is done.

    Deaf to the signals that end a terminal's programs: it must outlive the runner.
    """
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
        signal.signal(number, signal.SIG_IGN)
    with contextlib.suppress(BrokenPipeError):  # it died before it could hear that: then there is work at once
        sys.stdout.write("watching\n")
        sys.stdout.flush()
    said = b""
    while chunk := os.read(0, 64):
        said += chunk
    return said.endswith(DONE)
