"""One run a target at a time: a lock that the kernel releases when its holder dies."""

from __future__ import annotations

import fcntl
import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

from chaos.errors import Refused


class TargetLock:
    """Held while entered. Raises on entering: Refused, saying who holds it and since when."""

    def __init__(self, folder: Path, target: str, holder: str) -> None:
        self._path = folder / f"{target}.lock"
        self._target = target
        self._holder = holder

    def __enter__(self) -> Self:
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            held = os.read(self._file, 4096)
            os.close(self._file)
            raise Refused(
                f"the target '{self._target}' is in use {_who(held)}; wait for it, or end that process"
            ) from None
        os.ftruncate(self._file, 0)
        about = {"by": self._holder, "pid": os.getpid(), "since": datetime.now(UTC).isoformat(timespec="seconds")}
        os.pwrite(self._file, json.dumps(about).encode(), 0)
        return self

    def __exit__(self, *_: object) -> None:
        os.ftruncate(self._file, 0)
        os.close(self._file)


def _who(held: bytes) -> str:
    try:
        about = json.loads(held)
        return f"by {about['by']} (pid {about['pid']}, since {about['since']})"
    except (ValueError, KeyError):
        return "by another process"
