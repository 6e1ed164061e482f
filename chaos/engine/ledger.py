"""The ledger: one fsynced file a fault, under the user's state folder. Reverting needs nothing else.

A file is written, and is durable, before its fault is injected; it is removed only after the revert was read back. So
whatever is in the folder may still be in place. It is never in the store, which may be full, locked or remote.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

import msgspec

from chaos.errors import RevertFailed, SaleproofError
from chaos.model.base import Noun, from_json, to_json
from chaos.model.fault import Undo


class Entry(Noun):
    """One fault at one place that may be in place. `pid` is the runner's."""

    run: str
    fault: str  # PlannedFault.id
    place: str
    target: str
    undo: Undo
    text: str = ""  # the fault as written, for people
    opened_at: str = ""  # UTC, ISO 8601
    pid: int = 0

    @property
    def file_name(self) -> str:
        """Safe on every file system, and unique: a place is disturbed by a fault of a run once."""
        place = re.sub(r"[^A-Za-z0-9-]+", "_", self.place)
        return f"{self.run}.{self.fault}.{place}.json"


class Ledger:
    """The open faults of this user on this machine."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def open(self, entry: Entry) -> None:
        """Returns once the entry is on disk. Raises: SaleproofError when it cannot be: then nothing may be injected."""
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            path = self._folder / entry.file_name
            temporary = path.with_suffix(".tmp")
            with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
                file.write(to_json(entry))
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
            self._sync_folder()
        except OSError as cause:
            raise SaleproofError(f"cannot write the ledger in {self._folder}: {cause}; nothing was injected") from cause

    def close(self, entry: Entry) -> None:
        """Only after reading back that the fault is gone. Idempotent."""
        (self._folder / entry.file_name).unlink(missing_ok=True)
        self._sync_folder()

    def entries(self, run: str | None = None) -> tuple[Entry, ...]:
        """What may still be in place, oldest first. Raises: RevertFailed for a file that cannot be read: it may hide a
        fault, so it is never skipped."""
        found = []
        for path in sorted(self._folder.glob("*.json"), key=_written):
            try:
                entry = from_json(path.read_bytes(), Entry)
            except FileNotFoundError:
                continue  # closed by its runner a moment ago
            except (OSError, msgspec.MsgspecError) as cause:
                raise RevertFailed(
                    f"{path}: this ledger entry cannot be read ({cause}). A fault may be in place; look at it, remove "
                    "the fault by hand, then delete the file"
                ) from cause
            if run is None or entry.run == run:
                found.append(entry)
        return tuple(found)

    def _sync_folder(self) -> None:
        """Make the folder's own change durable: without it a rename can be lost in a crash."""
        if not self._folder.exists():
            return
        handle = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _written(path: Path) -> tuple[int, str]:
    """When an entry was written; first, for one that its runner closed a moment ago."""
    try:
        return path.stat().st_mtime_ns, path.name
    except FileNotFoundError:
        return 0, path.name
