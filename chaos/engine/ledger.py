"""The ledger: one fsynced file a fault, under the user's state folder. Reverting needs nothing else.

A file is written, and is durable, before its fault is injected; it is removed only after the revert was read back. So
whatever entry is in the folder may still be in place. It is never in the store, which may be full, locked or remote.

A second file, `.reverted`, says by whom and when it was, until that is in the run's record: whoever reverts may be
killed before it can tell.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec

from chaos.engine.identity import Runner, alive
from chaos.errors import SaleproofError
from chaos.model.base import Noun, from_json, to_json
from chaos.model.event import FaultReverted
from chaos.model.fault import Undo

ENTRY, TOLD_LATER = ".json", ".reverted"
# How long one that reverts waits for another one. Then it goes on: to revert twice is harmless.
ALONE_WITHIN_S = 30.0
# To write an entry takes milliseconds; what is this old is nobody's any more.
HALF_WRITTEN_S = 60.0


class Entry(Noun):
    """One fault at one place that may be in place. `pid` is the runner's, `runner` the same for good."""

    run: str
    fault: str  # PlannedFault.id
    place: str
    target: str
    undo: Undo
    text: str = ""  # the fault as written, for people
    opened_at: str = ""  # UTC, ISO 8601
    pid: int = 0
    runner: Runner | None = None  # None in entries of older versions

    @property
    def alive(self) -> bool:
        """Does its run still go on, which reverts it itself?"""
        return alive(self.runner, self.pid)

    @property
    def file_name(self) -> str:
        """Safe on every file system, and unique: a place is disturbed by a fault of a run once."""
        place = re.sub(r"[^A-Za-z0-9-]+", "_", self.place)
        return f"{self.run}.{self.fault}.{place}{ENTRY}"


class Untold(Noun):
    """A revert that may not be in the record of its run. `event.at_s` is monotonic time; `pid` is the runner's."""

    run: str
    event: FaultReverted
    pid: int = 0
    runner: Runner | None = None

    @property
    def alive(self) -> bool:
        """Does its run still go on, which tells it itself?"""
        return alive(self.runner, self.pid)


class Ledger:
    """The open faults of this user on this machine."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def open(self, entry: Entry) -> None:
        """Returns once the entry is on disk. Raises: SaleproofError when it cannot be: then nothing may be injected."""
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._write(self._folder / entry.file_name, to_json(entry))
        except OSError as cause:
            raise SaleproofError(f"cannot write the ledger in {self._folder}: {cause}; nothing was injected") from cause

    def close(self, entry: Entry, event: FaultReverted | None = None) -> None:
        """Only after reading back that the fault is gone. Idempotent. `event` is kept until `told`. Raises: OSError."""
        path = self._folder / entry.file_name
        if event is not None and path.exists():
            untold = Untold(run=entry.run, event=event, pid=entry.pid, runner=entry.runner)
            with contextlib.suppress(OSError):  # a full disk: that it is gone counts more than who says so
                self._write(path.with_suffix(TOLD_LATER), to_json(untold))
        path.unlink(missing_ok=True)
        self._sync_folder()

    def untold(self, run: str | None = None) -> tuple[Untold, ...]:
        """Reverts that whoever made them has not said to be in the record: all that can be read."""
        found = []
        with contextlib.suppress(OSError):
            for path in self._files(TOLD_LATER):
                with contextlib.suppress(OSError, msgspec.MsgspecError):
                    each = from_json(path.read_bytes(), Untold)
                    if run is None or each.run == run:
                        found.append(each)
        return tuple(found)

    def told(self, run: str) -> None:
        """All that was reverted of this run is in its record now. Idempotent; never raises."""
        with contextlib.suppress(OSError):
            for path in self._folder.glob(f"{run}.*{TOLD_LATER}"):
                path.unlink(missing_ok=True)

    def sweep(self) -> None:
        """Remove what was half written by somebody who was killed at it; it stands for nothing. Never raises."""
        with contextlib.suppress(OSError):
            for path in self._folder.glob("*.tmp"):
                if time.time() - path.stat().st_mtime > HALF_WRITTEN_S:
                    path.unlink(missing_ok=True)

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """While entered, no other watchdog or `recover` reverts and writes records, unless it takes very long."""
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock = os.open(self._folder / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError:  # nothing may keep a fault from being reverted
            yield
            return
        try:
            until_s = time.monotonic() + ALONE_WITHIN_S
            while time.monotonic() < until_s:
                with contextlib.suppress(OSError):
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                time.sleep(0.05)
            yield
        finally:
            os.close(lock)

    def entries(self, run: str | None = None) -> tuple[Entry, ...]:
        """What may still be in place, oldest first: all that can be read. See `damaged` for what cannot."""
        return tuple(e for e in self._read()[0] if run is None or e.run == run)

    def damaged(self) -> tuple[str, ...]:
        """A line for each file that cannot be read, or for the folder. It may hide a fault, so nobody may call the
        ledger clean; but it must not keep the others from being reverted."""
        return self._read()[1]

    def _read(self) -> tuple[tuple[Entry, ...], tuple[str, ...]]:
        found, damaged = [], []
        try:
            paths = self._files(ENTRY)
        except OSError as cause:
            line = f"{self._folder}: the ledger cannot be read ({cause.strerror}). Faults may be in place; "
            return (), (line + "make it readable, or run this as the user whose it is",)
        for path in paths:
            try:
                found.append((path.stat().st_mtime_ns, from_json(path.read_bytes(), Entry)))
            except FileNotFoundError:
                continue  # closed by its runner a moment ago
            except (OSError, msgspec.MsgspecError) as cause:
                damaged.append(
                    f"{path}: this ledger entry cannot be read ({cause}). A fault may be in place; look at it, remove "
                    "the fault by hand, then delete the file"
                )
        return tuple(entry for _, entry in sorted(found, key=lambda each: each[0])), tuple(damaged)

    def _files(self, ending: str) -> list[Path]:
        """None where nothing was ever injected. Raises: OSError. Not by glob, to which a folder that may not be read,
        and a file in its place, are empty."""
        try:
            return sorted(path for path in self._folder.iterdir() if path.name.endswith(ending))
        except FileNotFoundError:
            return []

    def _write(self, path: Path, content: bytes) -> None:
        """Whole or not at all, and on the disk. Raises: OSError."""
        temporary = path.with_suffix(f"{path.suffix}.tmp")
        try:
            with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
            self._sync_folder()
        except OSError:
            with contextlib.suppress(OSError):
                temporary.unlink()
            raise

    def _sync_folder(self) -> None:
        """Make the folder's own change durable: without it a rename can be lost in a crash."""
        if not self._folder.exists():
            return
        handle = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
