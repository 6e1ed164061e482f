"""Files of a container by its own paths, from outside of it."""

from __future__ import annotations

import ctypes
import os
import struct

from chaos.agent.inside import check
from chaos.errors import Unavailable

OPENAT2 = 437  # the same number on every architecture (unistd.h)
RESOLVE_IN_ROOT = 0x10  # linux/openat2.h: links and .. stay inside, as if it were the root
OPEN_HOW = struct.Struct("QQQ")  # flags, mode, resolve


def open_inside(pid: int, container: str, path: str, flags: int, mode: int = 0) -> int:
    """A descriptor of what the container knows as `path`. Whatever links are on the way, it is a file of the
    container's. Raises: Unavailable, FileNotFoundError, OSError."""
    check(pid, container)
    root = os.open(f"/proc/{pid}/root", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        return _openat2(root, path, flags | os.O_CLOEXEC, mode)
    finally:
        os.close(root)


def _openat2(folder: int, path: str, flags: int, mode: int) -> int:
    libc = ctypes.CDLL(None, use_errno=True)
    how = ctypes.create_string_buffer(OPEN_HOW.pack(flags, mode, RESOLVE_IN_ROOT))
    found: int = libc.syscall(OPENAT2, folder, path.encode(), how, OPEN_HOW.size)
    if found < 0:
        number = ctypes.get_errno()
        if number == 38:  # ENOSYS
            raise Unavailable("the engine's kernel is older than 5.6, so a container's files cannot be opened safely")
        raise OSError(number, os.strerror(number), path)
    return found


def read_inside(pid: int, container: str, path: str) -> str:
    """Its text. Raises: Unavailable, OSError."""
    with os.fdopen(open_inside(pid, container, path, os.O_RDONLY), encoding="utf-8", errors="replace") as file:
        return file.read()
