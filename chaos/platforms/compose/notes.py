"""Which projects this user has attached links of: a note each in the state folder, from before the first sidecar is
started until all was read back to be gone. `recover` and `down` look here."""

from __future__ import annotations

import contextlib
import hashlib
from pathlib import Path

import msgspec

from chaos.model.base import Noun, from_json, to_json
from chaos.platforms.compose.engine import Endpoint
from chaos.state import private_dir, state_dir


class Note(Noun):
    target: str
    project: str
    endpoint: Endpoint


def write(note: Note) -> None:
    """Raises: SaleproofError, OSError."""
    path = _path(note.project, note.endpoint)
    fresh = path.with_suffix(".tmp")
    fresh.write_bytes(to_json(note))
    fresh.replace(path)


def remove(note: Note) -> None:
    _path(note.project, note.endpoint).unlink(missing_ok=True)


def of(project: str, endpoint: Endpoint) -> Note | None:
    path = _path(project, endpoint)
    return _read(path)


def all_of_them() -> tuple[Note, ...]:
    return tuple(note for path in sorted(_folder().glob("*.json")) if (note := _read(path)) is not None)


def _read(path: Path) -> Note | None:
    with contextlib.suppress(OSError, msgspec.MsgspecError):
        return from_json(path.read_bytes(), Note)
    return None


def _path(project: str, endpoint: Endpoint) -> Path:
    """A project's name is one only on its engine."""
    engine = hashlib.sha256(str(endpoint).encode()).hexdigest()[:8]
    return _folder() / f"{project}.{engine}.json"


def _folder() -> Path:
    return private_dir(state_dir() / "attached")
