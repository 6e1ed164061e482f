"""A hog itself: `python3 -m chaos.agent.hogging MARK KIND JSON`, a process of its own in a container's cgroup.

cpu      so many busy processes
memory   takes memory until so many bytes are left under the limit, and keeps it at that
oom      takes all that there is, and more
"""

from __future__ import annotations

import ctypes
import json
import os
import select
import signal
import sys
from pathlib import Path

from chaos.agent.cgroup import Cgroup
from chaos.agent.inside import check
from chaos.agent.memory import headroom
from chaos.errors import SaleproofError

STEP = 1 << 20
LOOK_EVERY_S = 0.1
PR_SET_PDEATHSIG = 1  # linux/prctl.h


def main() -> int:
    _, kind, arguments = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
    try:
        hog = Hog(**arguments)
        hog.join()
        {"cpu": hog.cpu, "memory": hog.memory, "oom": hog.oom}[kind]()
    except (SaleproofError, OSError) as error:
        _say(str(error))
        return 1
    return 0


class Hog:
    """Lives as long as the container's main process and the agent do."""

    def __init__(self, pid: int, container: str, agent: int, amount: int) -> None:
        self.amount = amount
        self.ends = select.poll()
        for one in (pid, agent):
            self.ends.register(os.pidfd_open(one), select.POLLIN)
        check(pid, container)
        self.cgroup = Cgroup.of(pid, container)

    def join(self) -> None:
        self.cgroup.join(("cpu", "cpuacct", "memory"), os.getpid())

    def over(self, within_s: float) -> bool:
        return bool(self.ends.poll(within_s * 1000))

    def cpu(self) -> None:
        mine = os.getpid()
        workers = [_fork(mine) for _ in range(self.amount)]
        _say("ready")
        while not self.over(1):
            pass
        for pid in workers:
            os.kill(pid, signal.SIGKILL)

    def memory(self) -> None:
        # When it gets too tight all the same, the kernel is to end this, and not the service.
        Path("/proc/self/oom_score_adj").write_text("1000")
        held: list[bytearray] = []
        ready = False
        while not self.over(LOOK_EVERY_S if ready else 0):
            left = headroom(self.cgroup) - self.amount
            if left > STEP:
                held.append(_taken(STEP))
                continue
            if not ready:
                _say("ready")
                ready = True
            if left < -STEP and held:
                held.pop()

    def oom(self) -> None:
        _say("ready")
        held: list[bytearray] = []
        while not self.over(0):
            held.append(_taken(STEP))


def _taken(size: int) -> bytearray:
    """Memory that is really there: every page was written to, with what cannot be packed or shared."""
    block = bytearray(size)
    for at in range(0, size, 4096):
        block[at : at + 8] = os.urandom(8)
    return block


def _fork(parent: int) -> int:
    pid = os.fork()
    if pid:
        return pid
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    while os.getppid() == parent:
        for _ in range(1_000_000):
            pass
    os._exit(0)


def _say(line: str) -> None:
    """To whoever started it, who then listens no more."""
    os.write(1, f"{line}\n".encode())
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 1)
    os.dup2(nothing, 2)


if __name__ == "__main__":
    sys.exit(main())
