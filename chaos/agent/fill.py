"""`fill`: a file of ours that takes all that is left of a file system of a container's own."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

from chaos.agent import mounts
from chaos.agent.files import open_inside

CHUNK = 256 << 20
TRY_BYTES = 64 << 10
# Of what the machine has left of its memory, a file system in memory may get a quarter from us.
MEMORY_SHARE = 4


def run(
    *, pid: int, container: str, action: Literal["look", "put", "there", "remove", "try"], path: str, name: str,
    leave: int = 0,
) -> dict[str, Any]:  # fmt: skip
    """`look`: the file system of the folder `path`, and why it may not be filled. `put`: fill it but for `leave` bytes.
    `try`: can a little more than that be written? Raises: Unavailable, OSError."""
    if action == "look":
        return _look(pid, container, path)
    with _folder(pid, container, path) as folder:
        if action == "put":
            _fill(folder, name, leave)
        elif action == "remove":
            with contextlib.suppress(FileNotFoundError):
                os.unlink(name, dir_fd=folder)
        elif action == "try":
            return {"full": _is_full(folder, f"{name}-try", leave), "free": free(folder)}
        return {"there": _exists(folder, name), "free": free(folder)}


@contextlib.contextmanager
def _folder(pid: int, container: str, path: str) -> Iterator[int]:
    descriptor = open_inside(pid, container, path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _look(pid: int, container: str, path: str) -> dict[str, Any]:
    mount = mounts.of(pid, container, path)
    with _folder(pid, container, path) as folder:
        left, read_only = free(folder), bool(os.fstatvfs(folder).f_flag & os.ST_RDONLY)
    why = mounts.why_not_alone(mount, container)
    in_memory = mount.kind in mounts.IN_MEMORY
    if not why and in_memory and left > memory_available() // MEMORY_SHARE:
        why = (
            f"it is in memory ({mount.kind}) and may grow by {left / 1e6:.0f} MB, more than a quarter of what the "
            "machine has left; give it a size"
        )
    if read_only:
        why = "it cannot be written to"
    return {"point": mount.point, "kind": mount.kind, "source": mount.source, "free": left, "why_not": why,
            "keeps": not in_memory}  # fmt: skip


def _exists(folder: int, name: str) -> bool:
    try:
        os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return True


def free(folder: int) -> int:
    """Bytes that root may still write there."""
    found = os.fstatvfs(folder)
    return found.f_bfree * found.f_frsize


def memory_available() -> int:
    words = dict(line.split(":") for line in Path("/proc/meminfo").read_text().splitlines())
    return int(words["MemAvailable"].split()[0]) * 1024


def _fill(folder: int, name: str, leave: int) -> None:
    """Blocks are allocated, and on most file systems not written. Idempotent."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
    file = os.open(name, flags, 0o600, dir_fd=folder)
    try:
        size, chunk = os.fstat(file).st_size, CHUNK
        block = os.fstatvfs(folder).f_frsize
        while (left := free(folder) - leave) >= block:
            try:
                amount = min(chunk, left) // block * block
                os.posix_fallocate(file, size, amount)
                size += amount
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise
                if chunk <= block:
                    break  # the rest is the file system's own
                chunk = max(block, min(chunk, left) // 2)
        os.fsync(file)
    finally:
        os.close(file)


def _is_full(folder: int, name: str, leave: int) -> bool:
    """Does a write of a little more than `leave` fail for want of space? As a service's own write would."""
    file = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600, dir_fd=folder)
    try:
        wanted = leave + TRY_BYTES
        while wanted > 0:
            wanted -= os.write(file, b"\xa5" * min(wanted, 1 << 20))
        os.fsync(file)
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        return True
    finally:
        os.close(file)
        os.unlink(name, dir_fd=folder)
    return False
