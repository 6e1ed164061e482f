"""`oom`: the kernel ends a container's main process for want of memory."""

from __future__ import annotations

import os
import select
from pathlib import Path
from typing import Literal

from chaos.agent import hog
from chaos.agent.cgroup import Cgroup
from chaos.agent.inside import check
from chaos.agent.memory import headroom
from chaos.errors import Unavailable

FIRST = 1000  # the kernel takes the process with the greatest one (proc(5), oom_score_adj)


def run(
    *, pid: int, container: str, action: Literal["look", "kill", "restore"], mark: str, score: int = 0,
    within_s: float = 10.0,
) -> int:  # fmt: skip
    """The main process's oom_score_adj, of before a `kill`. `kill`: make it the kernel's first choice, take all memory
    of its cgroup, return once it is dead. `restore`: `score` again, and nothing of ours. Raises: Unavailable."""
    check(pid, container)
    adj = Path(f"/proc/{pid}/oom_score_adj")
    before = int(adj.read_text())
    if action == "look":
        headroom(Cgroup.of(pid, container))
    elif action == "restore":
        hog.stop(mark)
        if before != score:
            adj.write_text(str(score))
        return int(adj.read_text())
    else:
        _kill(pid, container, mark, adj, before, within_s)
    return before


def _kill(pid: int, container: str, mark: str, adj: Path, before: int, within_s: float) -> None:
    descriptor = os.pidfd_open(pid)
    dead = select.poll()
    dead.register(descriptor, select.POLLIN)
    died = False
    try:
        check(pid, container)
        adj.write_text(str(FIRST))
        hog.start(mark, "oom", pid, container, 0)
        died = bool(dead.poll(within_s * 1000))
    finally:
        os.close(descriptor)
        hog.stop(mark)
        if not died:
            adj.write_text(str(before))
    if not died:
        raise Unavailable(f"the kernel did not end it within {within_s:g} s")
