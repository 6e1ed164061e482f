"""Traffic that another program makes: what a run asks of it, and which program that is."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from chaos.errors import Unsupported
from chaos.load.foreign import Results
from chaos.load.wire import SILENT_S
from chaos.model.target import Traffic

if TYPE_CHECKING:
    from chaos.load.batch import Batch
    from chaos.load.foreign import Result


class Running(Protocol):
    """Traffic under way, whoever makes it. `chaos.load.traffic.TrafficRun` is one."""

    dropped: int

    @property
    def pid(self) -> int:
        """Of its first process; 0 when it is not ours."""

    @property
    def silent(self) -> bool:
        """It runs, and has said nothing for too long."""

    def traffic_control(self) -> dict[str, Any]:
        """How to change it while it runs. Raises: Unsupported where that cannot be done."""

    def stop(self, drain_s: float) -> None:
        """No new requests; returns when the last batch has been handed over. Idempotent."""


class Elsewhere:
    """What all other engines share: results in, batches out, and an end that is told once."""

    name = ""

    def __init__(
        self, traffic: Traffic, *, t0_s: float, on_batch: Callable[[Batch], None], on_end: Callable[[str], None]
    ) -> None:
        self._results = Results(traffic)
        self._t0_us = round(t0_s * 1e6)
        self._on_batch = on_batch
        self._on_end = on_end
        self._lock = threading.Lock()
        self._heard_s = time.monotonic()
        self._told = False  # it was told to stop
        self._said_end = False
        self._running = False  # since then its end is one to be told
        self.dropped = 0

    @property
    def silent(self) -> bool:
        return not self._said_end and not self._told and time.monotonic() - self._heard_s >= SILENT_S

    def traffic_control(self) -> dict[str, Any]:
        raise Unsupported(f"{self.name} makes the traffic, and cannot be told to make more of it")

    def heard(self, results: list[Result], dropped: int = 0) -> None:
        """Something was said, if only that it is alive. From the thread that listens."""
        self._heard_s = time.monotonic()
        with self._lock:
            self.dropped += dropped
            at_us = round(self._heard_s * 1e6) - self._t0_us
            self._on_batch(self._results.batch(results, at_us, dropped, "dropped by the engine" if dropped else ""))

    def ended(self, reason: str) -> None:
        """Nothing more will come; `reason` is empty when it was told to stop."""
        with self._lock:
            if self._said_end or not self._running:
                return
            self._said_end = True
        self._on_end(reason)


def beside(target_path: str, name: str) -> Path:
    """A file that a target file names, seen from there."""
    return (Path(target_path).parent / name).absolute()


def start(
    traffic: Traffic, *, target_path: str, base_url: str, profile: str, t0_s: float, state_dir: Path,
    on_batch: Callable[[Batch], None], on_end: Callable[[str], None],
) -> Running:  # fmt: skip
    """Returns when the first requests are due. Raises: Unavailable, SpecError."""
    times = traffic.profiles[profile]
    if traffic.locust is not None:
        from chaos.load.locust_run import LocustRun

        run = LocustRun(traffic, t0_s=t0_s, on_batch=on_batch, on_end=on_end)
        run.start(traffic.locust, beside(target_path, traffic.locust.file), base_url, times, state_dir)
        return run
    from chaos.load.k6_run import K6Run

    assert traffic.k6 is not None
    k6 = K6Run(traffic, t0_s=t0_s, on_batch=on_batch, on_end=on_end)
    script, output = (None if f is None else beside(target_path, f) for f in (traffic.k6.script, traffic.k6.output))
    k6.start(script, output, traffic.k6.args, base_url, times, state_dir)
    return k6
