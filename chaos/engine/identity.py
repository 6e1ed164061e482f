"""Whose an entry is: a process for good. A pid alone may be somebody else's a moment later."""

from __future__ import annotations

import os
from pathlib import Path

from chaos.faults.shared import process
from chaos.model.base import Noun
from chaos.proc import boot_id


class Runner(Noun):
    """The process of one run."""

    pid: int
    start_ticks: int  # field 22 of /proc/PID/stat, since boot
    boot: str  # the machine's boot id

    @classmethod
    def mine(cls) -> Runner | None:
        """This very process; None where /proc does not say."""
        found = process.identify(os.getpid())
        return None if found is None else cls(pid=found.pid, start_ticks=found.start_ticks, boot=boot_id())

    def alive(self) -> bool:
        same = process.Process(pid=self.pid, start_ticks=self.start_ticks)
        return self.boot == boot_id() and process.state(same) is not None


def alive(runner: Runner | None, pid: int) -> bool:
    """Does that run still go on? Entries from before a runner was written down have the pid alone: then any process of
    ours counts that has it by now."""
    if runner is not None:
        return runner.alive()
    try:
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False
    return b"saleproof" in command or b"chaos" in command
