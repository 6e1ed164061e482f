"""What is written: the state folder is private and writable, there is space, the store opens."""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from pathlib import Path

from chaos.errors import SaleproofError
from chaos.preflight.finding import Finding, ok, problem, warning

# The embedded shop's databases take about 100 MB, a long run's record some tens: below the first figure a run would
# end on a full disk, below the second one a few of them would.
LEAST_BYTES, GOOD_BYTES = 200e6, 1e9


def state_folder(state: Path) -> Finding:
    """The ledger and the halt file are in it: whoever writes there decides what is reverted."""
    check = "state folder"
    try:
        about = state.stat()
        if about.st_uid != os.geteuid():
            return problem(check, f"{state} belongs to another user", "set SALEPROOF_STATE to a folder of your own")
        with tempfile.TemporaryFile(dir=state) as file:
            file.write(b"saleproof")
            file.flush()
            os.fsync(file.fileno())
    except OSError as cause:
        return problem(check, f"{state} cannot be written ({cause.strerror})", "set SALEPROOF_STATE to one that can")
    mode = stat.S_IMODE(about.st_mode)
    if mode & 0o022:
        return problem(check, f"{state} can be written by others (mode {mode:o})", f"chmod 700 {state}")
    if mode & 0o077:
        return warning(check, f"{state} can be read by others (mode {mode:o})", f"chmod 700 {state}")
    return ok(check, f"{state}, private and writable")


def space(check: str, path: Path, free: float | None = None) -> Finding:
    """Where `path` is, or will be. `free` in bytes, looked up when not given."""
    folder = _nearest(path)
    if free is None:
        free = shutil.disk_usage(folder).free
    text = f"{free / 1e9:.1f} GB free in {folder}"
    if free >= GOOD_BYTES:
        return ok(check, text)
    return (problem if free < LEAST_BYTES else warning)(check, f"only {text}", "make room")


def disks(state: Path, store: str) -> tuple[Finding, ...]:
    """The state's, and the store's where that is a file elsewhere."""
    found = [space("disk, state", state)]
    file = _file(store)
    if file is not None and file.parent != state:
        found.append(space("disk, store", file.parent))
    return tuple(found)


def store_opens(store: str) -> Finding:
    """Disturbs nothing: one that is not there yet is not made."""
    from chaos.store import NoStore, Store

    # A URL may hold a password.
    shown = f"the {store.split('://')[0]} database" if "://" in store else store
    try:
        with Store.open(store, make=False):
            pass
    except NoStore:
        file = _file(store)
        folder = None if file is None else _nearest(file.parent)
        if folder is not None and not (folder.is_dir() and os.access(folder, os.W_OK | os.X_OK)):
            return problem("store", f"{shown} is not there, and cannot be made in {folder}", "see SALEPROOF_STORE")
        return ok("store", f"{shown} is not there yet; the first run makes it")
    except SaleproofError as error:
        return problem("store", str(error), "see SALEPROOF_STORE")
    return ok("store", f"{shown} opens")


def _file(store: str) -> Path | None:
    """Where a store that is a file lies; None for a database elsewhere."""
    name = store.removeprefix("sqlite:///")
    return None if "://" in name else Path(name).expanduser().absolute()


def _nearest(path: Path) -> Path:
    """`path` or the nearest folder above it that exists."""
    return next(p for p in (path, *path.parents) if p.exists())
