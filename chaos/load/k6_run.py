"""k6 makes the traffic: started here, or by somebody else whose output file we read as it grows."""

from __future__ import annotations

import contextlib
import os
import select
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from pathlib import Path

from chaos.errors import SpecError, Unavailable
from chaos.load.elsewhere import Elsewhere
from chaos.load.k6_output import K6Output
from chaos.state import open_private

EVERY_S = 0.25
START_S = 30.0
# k6 writes a point a second whatever happens, and its clock is the wall's: further off, and it is another one.
CLOCK_S = 5.0
CHUNK = 1 << 20
LINE_BYTES_MAX = 1 << 20


class K6Run(Elsewhere):
    name = "k6"

    def start(
        self, script: Path | None, output: Path | None, args: tuple[str, ...], base_url: str, times: float, folder: Path
    ) -> None:
        """Returns when its first line is there. Raises: Unavailable, SpecError."""
        self._process: subprocess.Popen[bytes] | None = None
        self._log: Path | None = None
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._first = threading.Event()
        self._began = False  # a line of it was understood
        self._why = ""
        self._output = K6Output(round(time.time() * 1e6) - (time.monotonic_ns() // 1000 - self._t0_us))
        try:
            if script is not None:
                descriptor = self._spawn(script, args, base_url, times, folder)
            else:
                assert output is not None
                descriptor = _at_its_end(output)
            self._reader = threading.Thread(target=self._follow, args=(descriptor,), name="k6", daemon=True)
            self._reader.start()
            self._await()
        except BaseException:
            self.stop(0.0)
            raise
        self._running = True
        if self._why:  # it was over before anybody could be told
            self.ended(self._why)

    @property
    def pid(self) -> int:
        return self._process.pid if self._process is not None else 0

    def stop(self, drain_s: float) -> None:
        self._told = True
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(signal.SIGINT)  # it lets iterations end that are under way
            try:
                self._process.wait(max(2.0, drain_s))
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait(5.0)
        reader: threading.Thread | None = getattr(self, "_reader", None)
        if reader is not None and reader is not threading.current_thread():
            reader.join(5.0)
        if self._folder is not None:
            self._folder.cleanup()

    def _await(self) -> None:
        """Raises: Unavailable."""
        if not self._first.wait(START_S):
            raise Unavailable(f"k6 has written nothing in {START_S:.0f} s")
        if self._why and not self._began:  # one that has begun and is over has `ended`
            raise Unavailable(self._why)

    def _spawn(self, script: Path, args: tuple[str, ...], base_url: str, times: float, folder: Path) -> int:
        program = shutil.which("k6")
        if program is None:
            raise Unavailable("k6 is not on PATH; install it, or let it write a file that `k6: {output: FILE}` names")
        if not script.is_file():
            raise SpecError(f"traffic.k6.script: there is no file {script}")
        folder.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        folder.mkdir(exist_ok=True, mode=0o700)
        # A pipe: its output is some kilobytes a request, which nobody needs on a disk.
        self._folder = tempfile.TemporaryDirectory(prefix="k6-")
        pipe = Path(self._folder.name) / "out.json"
        os.mkfifo(pipe, 0o600)
        descriptor = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
        self._log = folder / "k6.log"
        with open_private(self._log, anew=True) as said:
            self._process = subprocess.Popen(
                [
                    program, "run", "--quiet", "--no-usage-report", "--out", f"json={pipe}",
                    "--env", f"SALEPROOF_URL={base_url}", "--env", f"SALEPROOF_TIMES={times:g}", *args, str(script),
                ],
                stdin=subprocess.DEVNULL, stdout=said, stderr=said, start_new_session=True,
            )  # fmt: skip
        return descriptor

    def _follow(self, descriptor: int) -> None:
        reason = ""
        try:
            self._read(descriptor)
        except Exception as cause:  # also what on_batch raised: evidence that cannot be kept is the end of the run
            reason = f"{cause}" or type(cause).__name__
        finally:
            os.close(descriptor)
        if reason and self._process is not None:
            self._process.kill()
        if not reason and not self._told:
            reason = self._how_it_ended()
        self._why = reason
        self._first.set()
        self.ended(reason)

    def _read(self, descriptor: int) -> None:
        """Until it is told to stop, or its process has ended. Raises: ValueError for what k6 does not write."""
        left, number = b"", 0
        while True:
            over = self._told if self._process is None else self._process.poll() is not None
            with contextlib.suppress(BlockingIOError):
                chunk = os.read(descriptor, CHUNK)
                *lines, left = (left + chunk).split(b"\n")
                if len(left) > LINE_BYTES_MAX:
                    raise ValueError(f"k6's line {number + 1} does not end")
                self._take(lines, number)
                number += len(lines)
                if chunk:
                    continue
            if over:
                self.heard(self._output.rest())
                return
            select.select([], [], [], EVERY_S)  # a growing file is always readable: only waiting helps

    def _take(self, lines: list[bytes], number: int) -> None:
        results, dropped = [], self._output.dropped
        for index, line in enumerate(lines, start=number + 1):
            try:
                results += self._output.line(line) if line.strip() else []
            except ValueError as cause:
                raise ValueError(f"k6's line {index}: {cause}") from cause
        if not lines:
            if self._process is not None:
                self.heard([])
            return
        now_us = time.monotonic_ns() // 1000 - self._t0_us
        if self._output.newest_us - now_us > CLOCK_S * 1e6:
            raise ValueError(f"k6's clock is {(self._output.newest_us - now_us) / 1e6:.0f} s ahead of this machine's")
        self._began = True
        self._first.set()
        # What it did before the run's own beginning is not the run's.
        self.heard([r for r in results if r.start_us >= 0], self._output.dropped - dropped)

    def _how_it_ended(self) -> str:
        if self._process is None or self._log is None:
            return "its output was not read to the end"
        said = [line.strip() for line in self._log.read_text(errors="replace").splitlines() if line.strip()]
        return f"k6 ended with {self._process.wait()}{': ' + said[-1] if said else ''}"


def _at_its_end(output: Path) -> int:
    """A file or pipe that somebody else's k6 writes, from now on. Raises: Unavailable."""
    try:
        descriptor = os.open(output, os.O_RDONLY | os.O_NONBLOCK)
    except OSError as cause:
        raise Unavailable(f"traffic.k6.output: {output}: {cause.strerror}") from cause
    with contextlib.suppress(OSError):  # a pipe has no end to go to
        os.lseek(descriptor, 0, os.SEEK_END)
    return descriptor
