"""After `kill -9` of a postmaster: its orphans and its lock file, which would stop the next one."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from pathlib import Path


def servers_in(folder: Path) -> list[int]:
    """Pids of PostgreSQL processes that work in `folder` (all of them have it as their working directory)."""
    here = str(folder.resolve())
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        with contextlib.suppress(OSError):
            is_postgres = (entry / "comm").read_text().startswith("postgres")
            if is_postgres and str((entry / "cwd").readlink()) == here:
                found.append(int(entry.name))
    return found


def clear_leftovers(folder: Path, *, patience_s: float = 2.0) -> None:
    """Wait `patience_s` for the orphans of a dead server to leave, then kill them, and remove its lock file.

    Orphans notice the death of their postmaster and leave by themselves, unless they are stopped or busy. A server
    that is alive as a whole is an orphan here too: the supervisor starts one only when it has lost the other.
    """
    give_up = time.monotonic() + patience_s
    while (orphans := servers_in(folder)) and time.monotonic() < give_up:
        time.sleep(0.02)
    for pid in orphans:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    while servers_in(folder):
        time.sleep(0.02)
    # Its pid may belong to somebody else by now, and PostgreSQL would take that for a running server.
    (folder / "postmaster.pid").unlink(missing_ok=True)
