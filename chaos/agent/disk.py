"""`disk`: how fast a container may read from and write to the disk below one of its folders."""

from __future__ import annotations

import multiprocessing
import os
import time
from typing import Any, Literal

from chaos.agent import mounts
from chaos.agent.cgroup import Cgroup
from chaos.agent.files import open_inside
from chaos.errors import Unavailable

PIECE = 1 << 16


def run(
    *, pid: int, container: str, action: Literal["look", "put", "write"], path: str, device: str = "", read: int = 0,
    write: int = 0, size: int = 0, within_s: float = 20.0, instead_of: int | None = None,
) -> dict[str, Any]:  # fmt: skip
    """`look`: the disk (major:minor), and its limits in bytes a second; 0 is none. `put`: set them, if
    need be only `instead_of` another. `write`: seconds
    that so many bytes take to be on the disk, by a process in the container's cgroup. Raises: Unavailable."""
    cgroup = Cgroup.of(pid, container)
    device = device or mounts.disk(mounts.of(pid, container, path))
    if action == "put" and (instead_of is None or instead_of in limits_of(cgroup, device)):
        put(cgroup, device, read, write)
    elif action == "write":
        return {"seconds": _timed(cgroup, pid, container, path, size, within_s)}
    limits = limits_of(cgroup, device)
    return {"device": device, "read": limits[0], "write": limits[1]}


def limits_of(cgroup: Cgroup, device: str) -> tuple[int, int]:
    """For reading and writing; 0 where there is none."""
    if cgroup.version == 2:
        for line in cgroup.read("disk-limit").splitlines():
            name, *pairs = line.split()
            if name == device:
                limits = dict(pair.split("=") for pair in pairs)
                return _number(limits.get("rbps", "max")), _number(limits.get("wbps", "max"))
        return 0, 0
    found: dict[str, int] = {}
    for what in ("read-limit", "write-limit"):
        lines = (line.split() for line in cgroup.read(what).splitlines())
        found[what] = next((int(words[1]) for words in lines if words[0] == device), 0)
    return found["read-limit"], found["write-limit"]


def _number(word: str) -> int:
    return 0 if word == "max" else int(word)


def put(cgroup: Cgroup, device: str, read: int, write: int) -> None:
    if cgroup.version == 2:
        cgroup.write("disk-limit", f"{device} rbps={read or 'max'} wbps={write or 'max'}")
    else:
        cgroup.write("read-limit", f"{device} {read}")
        cgroup.write("write-limit", f"{device} {write}")


def _timed(cgroup: Cgroup, pid: int, container: str, path: str, size: int, within_s: float) -> float:
    """A file without a name, so that nothing of it can stay behind."""
    context = multiprocessing.get_context("fork")
    took: Any = context.Queue()
    started = context.Process(target=_write, args=(cgroup, pid, container, path, size, took))
    started.start()
    try:
        found = took.get(timeout=within_s)
    except Exception as cause:
        raise Unavailable(f"{size} bytes were not on the disk within {within_s:g} s") from cause
    finally:
        started.kill()
        started.join()
    if isinstance(found, str):
        raise Unavailable(found)
    return float(found)


def _write(cgroup: Cgroup, pid: int, container: str, path: str, size: int, took: Any) -> None:
    try:
        file = open_inside(pid, container, path, os.O_WRONLY | os.O_TMPFILE, 0o600)
        cgroup.join(("disk",), os.getpid())
        data = os.urandom(PIECE)
        began_s = time.monotonic()
        for _ in range(max(1, size // PIECE)):
            os.write(file, data)
        os.fsync(file)
        took.put(time.monotonic() - began_s)
    except (OSError, Unavailable) as error:
        took.put(f"{path} cannot be written to there: {error}")
