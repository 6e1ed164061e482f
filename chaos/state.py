"""The user's state folder: running targets, the ledger of open faults, the recorded runs, the halt file."""

from __future__ import annotations

import os
from pathlib import Path

from chaos.errors import SaleproofError

# Not from typing, which takes 3 ms to import: `saleproof --help` is to be quick.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import IO

STORE_VARIABLE = "SALEPROOF_STORE"


def state_dir() -> Path:
    """`$SALEPROOF_STATE`, else `$XDG_STATE_HOME/saleproof`, else `~/.local/state/saleproof`; made with mode 0700.

    A folder that is there already keeps its mode: it may be one that others need. What we put into it is private.
    Raises: SaleproofError when it cannot be made.
    """
    ours = os.environ.get("SALEPROOF_STATE")
    xdg = os.environ.get("XDG_STATE_HOME")
    if ours:
        path = Path(ours)
    elif xdg and Path(xdg).is_absolute():  # the XDG specification: a relative path is invalid and ignored
        path = Path(xdg) / "saleproof"
    else:
        path = Path("~/.local/state/saleproof").expanduser()
    return private_dir(path.absolute())


def private_dir(path: Path) -> Path:
    """The folder, made with mode 0700 where it is missing. Raises: SaleproofError."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.mkdir(mode=0o700, exist_ok=True)
    except OSError as cause:
        raise SaleproofError(
            f"the state folder {path} cannot be made: {cause.strerror}; set SALEPROOF_STATE to one that can"
        ) from cause
    return path


def open_private(path: Path, *, anew: bool = False) -> IO[bytes]:
    """To append to, or anew; made so that nobody else reads it, whatever the umask. Raises: OSError."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | (os.O_TRUNC if anew else os.O_APPEND)
    return os.fdopen(os.open(path, flags, 0o600), "wb")


def store_named() -> bool:
    """Has somebody said where runs are recorded?"""
    return bool(os.environ.get(STORE_VARIABLE))


def store_url() -> str:
    """Where runs are recorded: `$SALEPROOF_STORE`, a file or a database URL; else `runs.db` in the state folder."""
    return os.environ.get(STORE_VARIABLE) or str(state_dir() / "runs.db")
