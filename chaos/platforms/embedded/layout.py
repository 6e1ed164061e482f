"""Where a running target's state is on disk, and how it is written: whole or not at all."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

import msgspec

from chaos.errors import Refused, SaleproofError
from chaos.model.base import from_json, to_json
from chaos.model.lease import Known
from chaos.platforms.embedded.records import Record, Resolved, Supervisor
from chaos.state import private_dir, state_dir

T = TypeVar("T")


class Folder:
    """`<state>/embedded/<target>/`, mode 0700.

    target.json (what runs, resolved), supervisor.json, proxies.json, leases.json, instances/NAME.json (what shall be
    and what is), data/NAME/ (the working directory of each), logs/NAME.log, control.sock, lock (held while going up or
    down), supervisor.lock (held by the supervisor), going-down (while it goes down). After `down` only lock and logs
    are left.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.target = path / "target.json"
        self.supervisor = path / "supervisor.json"
        self.proxies = path / "proxies.json"
        self.leases = path / "leases.json"
        self.instances = path / "instances"
        self.data = path / "data"
        self.logs = path / "logs"
        self.socket = path / "control.sock"
        self.lock = path / "lock"
        self.supervisor_lock = path / "supervisor.lock"
        self.going_down = path / "going-down"

    @classmethod
    def of(cls, target: str) -> Folder:
        """Made where it is missing. Raises: SaleproofError."""
        folder = cls(private_dir(private_dir(state_dir() / "embedded") / target))
        if folder.path.stat().st_uid != os.geteuid():
            raise SaleproofError(f"{folder.path} belongs to another user; set SALEPROOF_STATE to a folder of your own")
        private_dir(folder.logs)
        return folder

    def make(self) -> None:
        for path in (self.instances, self.data, self.logs):
            path.mkdir(mode=0o700, exist_ok=True)

    def work(self, instance: str) -> Path:
        """The instance's working directory, which is `{state}` too."""
        return self.data / instance

    def log(self, instance: str) -> Path:
        return self.logs / f"{instance}.log"

    def resolved(self) -> Resolved | None:
        """What was brought up; None when nothing is, or what is there is of no use."""
        return self._read(self.target, Resolved)

    def record(self, instance: str) -> Record | None:
        return self._read(self.instances / f"{instance}.json", Record)

    def write_record(self, record: Record) -> None:
        # Not fsynced: after a power failure no process is left, and the boot id says so.
        write(self.instances / f"{record.name}.json", to_json(record), sync=False)

    def read_leases(self) -> Known:
        return self._read(self.leases, Known) or Known()

    def write_leases(self, known: Known) -> None:
        # Not fsynced, as the records are not.
        write(self.leases, to_json(known), sync=False)

    def read_supervisor(self) -> Supervisor | None:
        return self._read(self.supervisor, Supervisor)

    def clear(self) -> None:
        """Remove everything but the logs and the lock."""
        self.target.unlink(missing_ok=True)
        for path in (self.supervisor, self.proxies, self.leases, self.socket, self.supervisor_lock):
            path.unlink(missing_ok=True)
        for path in (self.instances, self.data):
            if path.exists():
                shutil.rmtree(path)
        self.going_down.unlink(missing_ok=True)

    @staticmethod
    def _read(path: Path, kind: type[T]) -> T | None:
        try:
            return from_json(path.read_bytes(), kind)
        except (OSError, msgspec.MsgspecError):
            return None


def write(path: Path, content: bytes, *, sync: bool = True) -> None:
    """Replace the file: a reader sees the old one or the new one. Raises: OSError."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(content)
            if sync:
                file.flush()
                os.fsync(file.fileno())
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise


def try_lock(path: Path) -> int | None:
    """A descriptor that holds the lock until it is closed or its process dies; None when another holds it."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


@contextlib.contextmanager
def locked(folder: Folder, target: str) -> Iterator[None]:
    """One `up` or `down` at a time. Raises: Refused at once, saying who is at it."""
    descriptor = try_lock(folder.lock)
    if descriptor is None:
        holder = folder.lock.read_text().strip() or "?"
        raise Refused(f"the target '{target}' is being brought up or taken down by pid {holder}; wait for it")
    try:
        with contextlib.suppress(OSError):  # a full disk: who holds it is not said, and it is held all the same
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, str(os.getpid()).encode(), 0)
        yield
    finally:
        os.close(descriptor)
