"""Processes of this machine, told apart for good by pid, start time and boot. Linux: everything is read from /proc."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from chaos.model.base import Noun
from chaos.proc import stat


class Process(Noun):
    """One process. `start_ticks` is field 22 of /proc/PID/stat: a reused pid has another."""

    pid: int
    start_ticks: int


def identify(pid: int) -> Process | None:
    """The process that has this pid now; None when there is none (a zombie is none)."""
    found = stat(pid)
    return None if found is None or found.ended else Process(pid=pid, start_ticks=found.start_ticks)


def state(process: Process) -> str | None:
    """The letter of proc(5), such as S, R or T (stopped); None when that process has ended (a zombie has)."""
    found = stat(process.pid)
    if found is None or found.ended or found.start_ticks != process.start_ticks:
        return None
    return found.state


def tree(pid: int) -> tuple[Process, ...]:
    """The process and all its descendants, as they are now; empty when it has ended."""
    parents: dict[int, list[int]] = {}
    ticks: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        one = stat(int(entry.name)) if entry.name.isdigit() else None  # it may have ended a moment ago
        if one is not None and not one.ended:
            parents.setdefault(one.parent, []).append(int(entry.name))
            ticks[int(entry.name)] = one.start_ticks
    found: list[Process] = []
    waiting = [pid] if pid in ticks else []
    while waiting:
        current = waiting.pop()
        found.append(Process(pid=current, start_ticks=ticks[current]))
        waiting.extend(parents.get(current, ()))
    return tuple(found)


def resume(process: Process) -> None:
    """SIGCONT, through a handle that cannot hit another process that got the same pid."""
    try:
        handle = os.pidfd_open(process.pid)
    except OSError:
        return  # it has ended
    try:
        if state(process) is not None:
            signal.pidfd_send_signal(handle, signal.SIGCONT)
    except ProcessLookupError:
        pass
    finally:
        os.close(handle)
