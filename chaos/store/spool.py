"""Where a record goes when the database takes no more: an append-only file of JSON lines, imported later.

Each line is `{"table": ..., "row": {...}}` with blobs in base64. The writer holds a lock on the file while it lives, so
that nobody imports a file that still grows; a last line that was torn by a crash is ignored. Rows carry their own
numbers, so importing twice is harmless.
"""

from __future__ import annotations

import base64
import contextlib
import errno
import fcntl
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from chaos.store.rows import Row

SUFFIX = ".jsonl"


class Spool:
    """Append rows; they are on the disk when `write` returns. Raises: OSError."""

    def __init__(self, folder: Path, run: str) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        if folder.is_symlink() or folder.stat().st_uid != os.getuid():  # the fallback lies where everybody may write
            raise PermissionError(errno.EPERM, "the folder is somebody else's", str(folder))
        self.path = folder / f"{run}{SUFFIX}"
        self._file: IO[bytes] = open(os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "ab")  # noqa: SIM115,PTH123
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self._file.close()
            raise

    def write(self, rows: list[tuple[str, Row]]) -> None:
        """All of them or, as far as a reader sees, only whole lines of them."""
        # A newline first: after a write that tore, the next line still begins on its own.
        text = b"".join(b"\n" + json.dumps({"table": t, "row": _encoded(row)}).encode() for t, row in rows)
        self._file.write(text + b"\n")
        self._file.flush()
        os.fsync(self._file.fileno())

    def close(self) -> None:
        with contextlib.suppress(OSError):  # what could not be flushed was reported by the write that failed
            self._file.close()


@contextlib.contextmanager
def claimed(folder: Path) -> Iterator[list[Path]]:
    """The spool files that nobody writes any more, locked for whoever imports them."""
    with contextlib.ExitStack() as stack:
        found = []
        ours = folder.is_dir() and not folder.is_symlink() and folder.stat().st_uid == os.getuid()
        for path in sorted(folder.glob(f"*{SUFFIX}")) if ours else []:
            with contextlib.suppress(OSError):  # gone or still written: not ours
                file = stack.enter_context(path.open("rb"))
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if path.exists():
                    found.append(path)
        yield found


def lines(path: Path) -> Iterator[tuple[str, Row]]:
    """Every whole row of a spool file."""
    for line in path.read_bytes().split(b"\n"):
        with contextlib.suppress(ValueError, KeyError, TypeError):
            found = json.loads(line)
            yield found["table"], _decoded(found["row"])


def _encoded(row: Row) -> dict[str, Any]:
    return {k: {"base64": base64.b64encode(v).decode()} if isinstance(v, bytes) else v for k, v in row.items()}


def _decoded(row: dict[str, Any]) -> Row:
    return {k: base64.b64decode(v["base64"]) if isinstance(v, dict) else v for k, v in row.items()}
