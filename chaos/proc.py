"""What Linux says of a process, from /proc. A pid alone may be somebody else's a moment later; with the time of its
start and the machine's boot it names one for good."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import NamedTuple


class Stat(NamedTuple):
    """What /proc/PID/stat says (proc(5))."""

    state: str  # R, S, D, T stopped, t traced, Z zombie, X dead
    parent: int
    tty: int  # 0: no controlling terminal
    start_ticks: int  # since boot

    @property
    def ended(self) -> bool:
        """A zombie has."""
        return self.state in "ZX"


@cache
def boot_id() -> str:
    """Changes with every boot; empty where there is none to be read."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""


def stat(pid: int) -> Stat | None:
    """None when there is no such process."""
    try:
        text = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return None
    # The name may hold spaces and parentheses; what follows the last one does not.
    fields = text[text.rindex(b")") + 2 :].split()
    return Stat(fields[0].decode(), int(fields[1]), int(fields[4]), int(fields[19]))
