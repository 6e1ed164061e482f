"""Which projects on which engines this user has had to do with: a note each in the state folder."""

from __future__ import annotations

import contextlib
import hashlib
import os
from pathlib import Path

import msgspec

from chaos.model.base import Noun, from_json, to_json
from chaos.platforms.compose.engine import Endpoint
from chaos.state import private_dir, state_dir


class Note(Noun):
    target: str
    project: str
    endpoint: Endpoint
    # When the halt was made there that was told from here (`Halt.since`); empty when none was.
    halted: str = ""


class Notes:
    """Those of one kind, in a folder of that name."""

    def __init__(self, name: str) -> None:
        self._name = name

    def write(self, note: Note) -> None:
        """Raises: SaleproofError, OSError."""
        path = self._path(note.project, note.endpoint)
        fresh = path.with_suffix(f".{os.getpid()}.tmp")
        fresh.write_bytes(to_json(note))
        fresh.replace(path)

    def remove(self, note: Note) -> None:
        self._path(note.project, note.endpoint).unlink(missing_ok=True)

    def of(self, project: str, endpoint: Endpoint) -> Note | None:
        return _read(self._path(project, endpoint))

    def all(self, since_s: float = 0.0) -> tuple[Note, ...]:
        """Those written since then, in Unix seconds."""
        paths = sorted(self._folder().glob("*.json"))
        return tuple(note for path in paths if (note := _read(path, since_s)) is not None)

    def _path(self, project: str, endpoint: Endpoint) -> Path:
        """A project's name is one only on its engine."""
        engine = hashlib.sha256(str(endpoint).encode()).hexdigest()[:8]
        return self._folder() / f"{project}.{engine}.json"

    def _folder(self) -> Path:
        return private_dir(state_dir() / self._name)


def _read(path: Path, since_s: float = 0.0) -> Note | None:
    """None also for one that another process has just removed."""
    with contextlib.suppress(OSError, msgspec.MsgspecError):
        return from_json(path.read_bytes(), Note) if path.stat().st_mtime >= since_s else None
    return None


# Links were attached there: from before the first sidecar is started until all was read back to be gone.
ATTACHED = Notes("attached")
# A run was there, or a halt was told: `halt` tells those, `resume` those that were told.
SHARED = Notes("shared")
