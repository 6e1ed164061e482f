"""A process for good: pid, start time and boot id. A pid alone may be somebody else's a moment later."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from pathlib import Path

from chaos.model.base import Noun
from chaos.proc import boot_id, stat

TICKS_PER_S = os.sysconf("SC_CLK_TCK")


class Process(Noun):
    """One process that was seen alive. `start_ticks` is field 22 of /proc/PID/stat."""

    pid: int
    start_ticks: int
    boot_id: str


def identify(pid: int) -> Process | None:
    """None when there is no such process, or only its zombie."""
    found = stat(pid)
    if found is None or found.ended:
        return None
    return Process(pid=pid, start_ticks=found.start_ticks, boot_id=boot_id())


def alive(process: Process | None) -> bool:
    """A zombie is dead."""
    return process is not None and identify(process.pid) == process


def age_s(process: Process) -> float:
    """Seconds since it started."""
    uptime_s = float(Path("/proc/uptime").read_text().split()[0])
    return uptime_s - process.start_ticks / TICKS_PER_S


def open_pidfd(process: Process) -> int | None:
    """A descriptor that means this process and never another one. None when it is dead."""
    try:
        descriptor = os.pidfd_open(process.pid)
    except OSError:
        return None
    # Looked at after opening: from here on the pid cannot be taken by another process unnoticed.
    if alive(process):
        return descriptor
    os.close(descriptor)
    return None


def send(process: Process, number: signal.Signals) -> bool:
    """Signal exactly this process. False when it is dead."""
    descriptor = open_pidfd(process)
    if descriptor is None:
        return False
    try:
        signal.pidfd_send_signal(descriptor, number)
    except ProcessLookupError:
        return False
    finally:
        os.close(descriptor)
    return True


class Watch:
    """Learn of a process's end without polling, be it a child or not. Needs a running event loop."""

    def __init__(self, process: Process) -> None:
        self.process = process
        self.ended = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._descriptor = open_pidfd(process)
        if self._descriptor is None:
            self.ended.set()
        else:
            self._loop.add_reader(self._descriptor, self._end)

    def _end(self) -> None:
        self.ended.set()
        self.close()

    async def wait(self, within_s: float | None = None) -> bool:
        """True as soon as it has ended."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                await self.ended.wait()
        return self.ended.is_set()

    def close(self) -> None:
        if self._descriptor is not None:
            self._loop.remove_reader(self._descriptor)
            os.close(self._descriptor)
            self._descriptor = None
