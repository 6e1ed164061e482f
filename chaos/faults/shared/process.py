"""Processes of this machine, told apart for good by pid, start time and boot. Linux: everything is read from /proc."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from chaos.model.base import Noun

_PROC = Path("/proc")


class Process(Noun):
    """One process. `start_ticks` is field 22 of /proc/PID/stat: a reused pid has another."""

    pid: int
    start_ticks: int


def boot_id() -> str:
    """Changes with every boot; empty where there is none to be read."""
    try:
        return (_PROC / "sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""


def identify(pid: int) -> Process | None:
    """The process that has this pid now; None when there is none (a zombie is none)."""
    found = _stat(pid)
    return None if found is None else Process(pid=pid, start_ticks=found[1])


def state(process: Process) -> str | None:
    """The letter of proc(5), such as S, R or T (stopped); None when that process has ended (a zombie has)."""
    found = _stat(process.pid)
    return found[0] if found is not None and found[1] == process.start_ticks else None


def _stat(pid: int) -> tuple[str, int] | None:
    """State and start time of a process that has not ended."""
    try:
        stat = (_PROC / str(pid) / "stat").read_text()
    except OSError:
        return None
    # The name in the second field may hold anything, also spaces and brackets.
    fields = stat[stat.rindex(")") + 2 :].split()
    letter, ticks = fields[0], int(fields[19])
    return None if letter in "ZX" else (letter, ticks)


def tree(pid: int) -> tuple[Process, ...]:
    """The process and all its descendants, as they are now; empty when it has ended."""
    parents: dict[int, list[int]] = {}
    ticks: dict[int, int] = {}
    for entry in _PROC.iterdir():
        if not entry.name.isdigit():
            continue
        try:
            stat = (entry / "stat").read_text()
        except OSError:
            continue  # ended a moment ago
        fields = stat[stat.rindex(")") + 2 :].split()
        if fields[0] not in "ZX":
            parents.setdefault(int(fields[1]), []).append(int(entry.name))
            ticks[int(entry.name)] = int(fields[19])
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
