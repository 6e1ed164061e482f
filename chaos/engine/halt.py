"""The halt file: while it is there, no run of this user on this machine goes on, and none begins.

It is `halt` in the state folder: `~/.local/state/saleproof/halt`, unless SALEPROOF_STATE or XDG_STATE_HOME is set.
`saleproof halt` writes it and `saleproof resume` removes it; an operator may do both by hand, with `touch` and `rm`.
That it is there is what counts, not what is in it; a plain line of text is taken for the reason.
"""

from __future__ import annotations

import getpass
import os
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from chaos.errors import SaleproofError
from chaos.model.base import from_json, to_json
from chaos.model.halt import Halt, clean

NAME = "halt"
# More than this of a file that somebody else wrote is not read.
READ_BYTES = 4096


class HaltFile:
    """`folder` is the state folder."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / NAME

    def read(self) -> Halt | None:
        """None when this machine is not halted. Never raises: what cannot be read or looked at is a halt too."""
        try:
            about = os.lstat(self.path)
        except FileNotFoundError:
            return None
        except OSError as cause:
            return Halt(by="nobody knows whom", reason=f"{self.path} cannot be looked at ({cause.strerror})")
        text = self._text()
        try:
            found = from_json(text, Halt)
            return Halt(by=clean(found.by), since=clean(found.since), reason=clean(found.reason))
        except (msgspec.MsgspecError, UnicodeDecodeError):
            since = datetime.fromtimestamp(about.st_mtime, UTC).isoformat(timespec="seconds")
            return Halt(by=_owner(about.st_uid), since=since, reason=clean(text.decode(errors="replace")))

    def write(self, by: str, reason: str = "") -> tuple[Halt, bool]:
        """Halt. When it is halted already, that halt stays. Returns the halt in force, and whether it is this one.

        Raises: SaleproofError when the file cannot be made.
        """
        now = datetime.now(UTC).isoformat(timespec="seconds")
        halt = Halt(by=clean(by), since=now, reason=clean(reason))
        try:
            descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        except FileExistsError:
            return self.read() or halt, False
        except OSError as cause:
            raise SaleproofError(
                f"{self.path} cannot be made ({cause.strerror}), so nothing is halted; end each run with Ctrl-C or kill"
            ) from cause
        try:
            # An empty file halts as well: on a full disk the words are lost, and the halt is not.
            with os.fdopen(descriptor, "wb") as file:
                file.write(to_json(halt))
                file.flush()
                os.fsync(file.fileno())
            self._sync_folder()
        except OSError:
            return self.read() or halt, True
        return halt, True

    def remove(self) -> Halt | None:
        """Resume. Returns the halt that was in force, if there was one. Raises: SaleproofError."""
        halt = self.read()
        try:
            self.path.unlink(missing_ok=True)
            self._sync_folder()
        except OSError as cause:
            raise SaleproofError(
                f"{self.path} cannot be removed ({cause.strerror}); this machine stays halted until it is"
            ) from cause
        return halt

    def _text(self) -> bytes:
        try:
            # Without O_NONBLOCK, a named pipe of that name would hang every guard.
            descriptor = os.open(self.path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError:
            return b""
        try:
            return os.read(descriptor, READ_BYTES)
        except OSError:
            return b""
        finally:
            os.close(descriptor)

    def _sync_folder(self) -> None:
        """So that the halt, or its end, outlives a power failure."""
        descriptor = os.open(self.path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def person() -> str:
    """Who is at it, for people."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"user {os.getuid()}"


def _owner(uid: int) -> str:
    import pwd

    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"
