"""`hog`: processes of ours in a container's cgroup that use up what it may use, told apart by a fault's mark.

They end by themselves when the container's main process does, and when the agent does.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Literal

from chaos.errors import Unavailable

MODULE = "chaos.agent.hogging"
READY_WITHIN_S = 15.0
GONE_WITHIN_S = 5.0


def run(
    *, pid: int, container: str, action: Literal["start", "there", "stop", "wants"], mark: str, kind: str = "",
    amount: int = 0, seconds: float = 0.0,
) -> Any:  # fmt: skip
    """`start`: begin, and return once it has all that it is to have. `there`: how many there are. `stop`: end them.
    `wants`: how many processors they want, and how many they get, over so many seconds. Raises: Unavailable."""
    if action == "start":
        start(mark, kind, pid, container, amount)
    elif action == "stop":
        stop(mark)
    elif action == "wants":
        return wants(mark, seconds)
    return len(find(mark))


def start(mark: str, kind: str, pid: int, container: str, amount: int, *, wait: bool = True) -> None:
    """Raises: Unavailable, with what it said."""
    arguments = json.dumps({"pid": pid, "container": container, "agent": agent_pid(), "amount": amount})
    words = [sys.executable, "-m", MODULE, mark, kind, arguments]
    started = subprocess.Popen(
        words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True
    )
    assert started.stdout is not None
    if wait:
        import select

        # One line, `ready` or what went wrong; then it closes its end.
        if not select.select([started.stdout], [], [], READY_WITHIN_S)[0]:
            stop(mark)
            raise Unavailable(f"it did not get ready within {READY_WITHIN_S:g} s")
        said = started.stdout.readline().decode(errors="replace").strip()
        if said != "ready":
            stop(mark)
            raise Unavailable(said or "it ended at once")


def find(mark: str) -> list[int]:
    """Their pids."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and _is(int(entry.name), mark):
            found.append(int(entry.name))
    return found


def _is(pid: int, mark: str) -> bool:
    words = _words(pid)
    return words[1:4] == ["-m", MODULE, mark]


def _words(pid: int) -> list[str]:
    """Its command line; empty for one that has ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
    except OSError:
        return []


def stop(mark: str) -> None:
    """Return once none of them is left. Raises: Unavailable."""
    until_s = time.monotonic() + GONE_WITHIN_S
    while left := find(mark):
        if time.monotonic() > until_s:
            raise Unavailable(f"{len(left)} processes of ours do not end: {left[0]}")
        for pid in left:
            _kill(pid, mark)
        time.sleep(0.01)


def _kill(pid: int, mark: str) -> None:
    try:
        descriptor = os.pidfd_open(pid)
    except OSError:
        return
    try:
        # Opened first, looked at second: from then on the pid cannot be another's unnoticed.
        if _is(pid, mark):
            signal.pidfd_send_signal(descriptor, signal.SIGKILL)
    except ProcessLookupError:
        return
    finally:
        os.close(descriptor)


def agent_pid() -> int:
    """The agent's own main process: the one of this very container that waits. Raises: Unavailable."""
    mine = Path("/proc/self/cgroup").read_text()
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and _words(int(entry.name))[1:4] == ["-m", "chaos.agent", "keep"]:
            try:
                if (entry / "cgroup").read_text() == mine:
                    return int(entry.name)
            except OSError:
                continue
    raise Unavailable("the agent's own main process is not to be found")


def wants(mark: str, seconds: float) -> dict[str, float]:
    """In processors: how long they ran or waited for one (/proc/PID/schedstat), and how long they ran."""
    before, began_s = _times(mark), time.monotonic()
    time.sleep(seconds)
    after, took_s = _times(mark), time.monotonic() - began_s
    both = [pid for pid in after if pid in before]
    ran = sum(after[pid][0] - before[pid][0] for pid in both) / 1e9 / took_s
    waited = sum(after[pid][1] - before[pid][1] for pid in both) / 1e9 / took_s
    return {"wanted": ran + waited, "got": ran}


def _times(mark: str) -> dict[int, tuple[int, int]]:
    found = {}
    for pid in find(mark):
        try:
            ran, waited, _ = Path(f"/proc/{pid}/schedstat").read_text().split()
        except (OSError, ValueError):
            continue
        found[pid] = (int(ran), int(waited))
    return found
