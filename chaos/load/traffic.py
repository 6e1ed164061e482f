"""The runner's side of the traffic: starts the generator's processes, listens to them, and tells them what to do."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Self

import chaos
from chaos.errors import Unavailable, UsageError, nearest
from chaos.load.control import Control, get_multiplier, reach, set_multiplier
from chaos.load.script import Script
from chaos.load.wire import SILENT_S, Config, Goodbye, Hello, Order, Report, decode
from chaos.model.base import to_json, to_plain
from chaos.model.target import Traffic
from chaos.proc import boot_id
from chaos.state import open_private

if TYPE_CHECKING:
    from chaos.load.batch import Batch, Joiner

__all__ = ["TrafficRun", "get_multiplier", "set_multiplier"]

# Importing and starting takes 0.4 s on an idle machine.
START_S = 30.0
# sockaddr_un.sun_path holds 108 bytes with its final zero.
_SOCKET_PATH_MAX = 100


@dataclass(kw_only=True, slots=True)
class _Process:
    """One generator process; `shard` is its number."""

    shard: int
    popen: subprocess.Popen[bytes]
    socket: str
    log: Path
    hello: threading.Event = field(default_factory=threading.Event)
    ended: threading.Event = field(default_factory=threading.Event)
    heard_s: float = 0.0
    reason: str | None = None  # of its Goodbye
    reader: threading.Thread | None = None


class TrafficRun:
    """Customers, from `start` to `stop`. `on_batch` is called from the threads that listen, one call at a time;
    `on_end` once, with a reason that is empty when the traffic was told to stop."""

    def __init__(self, *, on_batch: Callable[[Batch], None], on_end: Callable[[str], None]) -> None:
        self._on_batch = on_batch
        self._on_end = on_end
        self._processes: list[_Process] = []
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._lock = threading.Lock()
        self._joiner: Joiner | None = None
        self._started = False
        self._told = False
        self._said_end = False
        self._ends = 0
        self._multiplier = 1.0
        self.dropped = 0  # customers who were due and could not be sent
        self.error = ""  # what went wrong while listening

    @classmethod
    def start(
        cls,
        traffic: Traffic,
        *,
        base_url: str,
        profile: str,
        seed: int,
        t0_s: float,
        state_dir: Path,
        on_batch: Callable[[Batch], None],
        on_end: Callable[[str], None],
        processes: int = 1,
        engine: str = "direct",
    ) -> Self:
        """Returns when the first customer is due. `t0_s` is the run's zero on CLOCK_MONOTONIC; `processes` share the
        rate. Raises: UsageError for an unknown profile, SpecError for traffic that makes no sense, Unavailable."""
        from chaos.load.batch import Joiner

        if profile not in traffic.profiles:
            raise UsageError(f"unknown load '{profile}'.{nearest(profile, traffic.profiles)}")
        script = Script(traffic, seed="check")
        run = cls(on_batch=on_batch, on_end=on_end)
        run._joiner = Joiner(script.steps, script.journeys, processes)
        try:
            for shard in range(processes):
                config = Config(
                    traffic=traffic, base_url=base_url, times=traffic.profiles[profile], seed=seed, t0_s=t0_s,
                    control=run._socket(shard, state_dir), shard=shard, shards=processes, engine=engine,
                )  # fmt: skip
                run._spawn(config, state_dir)
            run._await_hello()
        except BaseException:
            run.stop(0.0)
            raise
        return run

    @property
    def multiplier(self) -> float:
        """As the generators last reported it."""
        return self._multiplier

    @property
    def pid(self) -> int:
        """Of the first generator."""
        return self._processes[0].popen.pid

    @property
    def alive(self) -> bool:
        """Every generator runs and has been heard of lately."""
        now_s = time.monotonic()
        return bool(self._processes) and all(
            p.popen.poll() is None and not p.ended.is_set() and now_s - p.heard_s < SILENT_S for p in self._processes
        )

    @property
    def silent(self) -> bool:
        """A generator that runs has said nothing for too long: it is stopped, or hangs."""
        now_s = time.monotonic()
        running = [p for p in self._processes if not p.ended.is_set() and p.popen.poll() is None]
        return any(now_s - p.heard_s >= SILENT_S for p in running)

    def multiply(self, multiplier: float) -> None:
        """From now on so many times as many customers. Raises: Unavailable, ValueError."""
        set_multiplier(self.traffic_control(), multiplier)
        self._multiplier = multiplier

    def traffic_control(self) -> dict[str, Any]:
        """For `set_multiplier` and `get_multiplier`, in any process. Implements `TrafficShaper`."""
        reaches = tuple(reach(process.socket, process.popen.pid) for process in self._processes)
        plain: dict[str, Any] = to_plain(Control(boot_id=boot_id(), generators=reaches))
        return plain

    def stop(self, drain_s: float) -> None:
        """No new customers; those under way get `drain_s` seconds to finish, and the rest is recorded as unfinished.
        Returns when the last batch has been handed over. Idempotent."""
        self._told = True
        for process in self._processes:
            with contextlib.suppress(OSError, ValueError):
                assert process.popen.stdin is not None
                process.popen.stdin.write(to_json(Order(stop=True, drain_s=drain_s)) + b"\n")
                process.popen.stdin.flush()
        deadline_s = time.monotonic() + drain_s + 5.0
        for process in self._processes:
            if not process.ended.wait(max(0.0, deadline_s - time.monotonic())):
                process.popen.kill()
            if process.reader is not None and process.reader is not threading.current_thread():
                process.reader.join(timeout=5.0)
            with contextlib.suppress(OSError):
                assert process.popen.stdin is not None
                process.popen.stdin.close()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.popen.wait(timeout=5.0)
        if self._folder is not None:
            self._folder.cleanup()
        self._tidy()

    def _tidy(self) -> None:
        """What the generators did not say needs no file. Folders that hold something else stay."""
        for log in (process.log for process in self._processes):
            with contextlib.suppress(OSError):
                if log.stat().st_size == 0:
                    log.unlink()
                    log.parent.rmdir()

    def _socket(self, shard: int, state_dir: Path) -> str:
        """Where one is to listen for orders."""
        # `parents` would make the one above with the user's usual rights.
        state_dir.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        state_dir.mkdir(exist_ok=True, mode=0o700)
        socket = self._private(state_dir) / f"traffic-{shard}.sock"
        socket.unlink(missing_ok=True)
        return str(socket)

    def _spawn(self, config: Config, state_dir: Path) -> None:
        log = state_dir / f"traffic-{config.shard}.log"
        # Our own code and nothing from the folder that the user happens to be in (-P).
        root = str(Path(chaos.__file__).parent.parent)
        paths = [root, *filter(None, [os.environ.get("PYTHONPATH")])]
        with open_private(log, anew=True) as errors:
            popen = subprocess.Popen(
                [sys.executable, "-P", "-m", "chaos.load.generator"],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors,
                env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
                # A Ctrl-C in the terminal is for the runner alone.
                start_new_session=True,
                umask=0o077,  # its socket is its user's alone
            )  # fmt: skip
        process = _Process(
            shard=config.shard, popen=popen, socket=config.control, log=log, heard_s=time.monotonic()
        )  # fmt: skip
        self._processes.append(process)
        process.reader = threading.Thread(
            target=self._listen, args=(process,), name=f"traffic-{config.shard}", daemon=True
        )
        process.reader.start()
        assert popen.stdin is not None
        # When it has died already, the reader says why.
        with contextlib.suppress(BrokenPipeError):
            popen.stdin.write(to_json(config) + b"\n")
            popen.stdin.flush()

    def _private(self, state_dir: Path) -> Path:
        """A folder that nobody else may enter, with a path short enough for a socket."""
        if self._folder is None:
            near = state_dir if len(os.fsencode(state_dir.absolute())) < _SOCKET_PATH_MAX - 40 else None
            self._folder = tempfile.TemporaryDirectory(prefix="traffic-", dir=near, ignore_cleanup_errors=True)
        return Path(self._folder.name).absolute()

    def _await_hello(self) -> None:
        deadline_s = time.monotonic() + START_S
        for process in self._processes:
            while not process.hello.wait(0.05):
                if process.ended.is_set() or time.monotonic() > deadline_s:
                    raise Unavailable(f"the traffic generator did not start: {self._reason(process)}")
        with self._lock:
            self._started = True
            for process in self._processes:
                if process.ended.is_set():
                    raise Unavailable(f"the traffic generator ended at once: {self._reason(process)}")

    def _listen(self, process: _Process) -> None:
        """One generator's messages, to the end of its stream."""
        stream: IO[bytes] | None = process.popen.stdout
        assert stream is not None
        try:
            for message in decode(stream.read):
                process.heard_s = time.monotonic()
                match message:
                    case Hello():
                        process.hello.set()
                    case Report():
                        self._hand_over(process.shard, message)
                    case Goodbye():
                        process.reason = message.reason
        except Exception as cause:  # also what on_batch raised: evidence that cannot be kept is the end of the run
            self.error = self.error or f"{type(cause).__name__}: {cause}"
            process.popen.kill()
        stream.close()
        self._ended(process)

    def _hand_over(self, shard: int, report: Report) -> None:
        assert self._joiner is not None
        with self._lock:
            self._multiplier = report.multiplier
            self.dropped += report.dropped
            self._on_batch(self._joiner.batch(shard, report))

    def _ended(self, process: _Process) -> None:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.popen.wait(timeout=5.0)
        with self._lock:
            self._ends += 1
            if self._joiner is not None and process.hello.is_set() and not self.error:
                # What a killed generator still had under way is part of the record too.
                left = self._joiner.leftover(process.shard)
                if left is not None:
                    self._on_batch(left)
            process.ended.set()
            if not self._started or self._said_end or (self._told and self._ends < len(self._processes)):
                return
            self._said_end = True
            reason = self.error or ("" if self._told else self._reason(process))
        self._on_end(reason)

    def _reason(self, process: _Process) -> str:
        if process.reason:
            return process.reason
        text = process.log.read_text(errors="replace").strip().splitlines() if process.log.exists() else []
        status = process.popen.poll()
        how = "does not answer" if status is None else f"signal {-status}" if status < 0 else f"exit status {status}"
        return how + (f": {text[-1]}" if text else "")
