"""One run a target at a time: a lock that the kernel releases when its holder dies."""

from __future__ import annotations

import fcntl
import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

import msgspec

from chaos.errors import Refused, SaleproofError
from chaos.model.base import Noun, from_json

# What a run's name as a holder begins with.
RUN = "run "


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
        about = {"by": self._holder, "pid": os.getpid(), "since": datetime.now(UTC).isoformat(timespec="seconds")}
        try:
            os.ftruncate(self._file, 0)
            os.pwrite(self._file, json.dumps(about).encode(), 0)
        except OSError as cause:
            # That it is locked counts. A run's name is what `halt` and others look for; whoever takes a target down on
            # a full disk makes room.
            if self._holder.startswith(RUN):
                os.close(self._file)
                raise SaleproofError(f"the lock {self._path} cannot be written: {cause.strerror}") from cause
        return self

    def __exit__(self, *_: object) -> None:
        os.ftruncate(self._file, 0)
        os.close(self._file)


class Holder(Noun):
    """Who holds a target: `run 20261121-...` or `saleproof down`."""

    by: str
    pid: int
    since: str = ""
    target: str = ""

    @property
    def run(self) -> str:
        """The run's id; empty for anything else."""
        return self.by.removeprefix(RUN) if self.by.startswith(RUN) else ""


def holders(folder: Path) -> tuple[Holder, ...]:
    """Who holds which target on this machine now. Disturbs none of them."""
    found = []
    for path in sorted(folder.glob("*.lock")):
        try:
            holder = from_json(path.read_bytes(), Holder)
        except (OSError, msgspec.MsgspecError):
            continue  # nobody's: it is emptied at the end
        if _alive(holder.pid) and _held(path):
            found.append(msgspec.structs.replace(holder, target=path.stem))
    return tuple(found)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _held(path: Path) -> bool:
    """A killed holder leaves its name, and its pid may be another's by now; the lock itself went with it."""
    try:
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(file)
    return False


def _who(held: bytes) -> str:
    try:
        about = json.loads(held)
        return f"by {about['by']} (pid {about['pid']}, since {about['since']})"
    except (ValueError, KeyError):
        return "by another process"
