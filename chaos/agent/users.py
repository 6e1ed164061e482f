"""`users`: as whom the processes in a container's network run."""

from __future__ import annotations

import contextlib
from pathlib import Path

from chaos.agent.inside import check


def run(*, pid: int, container: str) -> list[int]:
    """Every user id: real, effective, saved and that for files. Raises: Unavailable."""
    check(pid, container)
    network = Path(f"/proc/{pid}/ns/net").readlink()
    found: set[int] = set()
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it ended meanwhile
            if (process / "ns/net").readlink() == network:
                lines = (process / "status").read_text().splitlines()
                found |= {int(word) for line in lines if line.startswith("Uid:") for word in line.split()[1:]}
    return sorted(found)
