"""Take a target down: every process ends, its data goes, its logs stay. Works on whatever state it finds."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time

from chaos.errors import SaleproofError
from chaos.platforms.embedded.family import Family
from chaos.platforms.embedded.identity import alive, send
from chaos.platforms.embedded.layout import Folder, write
from chaos.platforms.embedded.records import Resolved
from chaos.platforms.embedded.supervisor import DOWN_GRACE_S, Supervision
from chaos.platforms.embedded.wire import Connection, Request

SUPERVISOR_PATIENCE_S = DOWN_GRACE_S + 4.0


def take_down(folder: Folder) -> None:
    """Idempotent. The caller holds the lock. Raises: Unavailable for processes that do not die."""
    resolved = folder.resolved()
    # From here on no supervisor is started, and nobody takes the target for up.
    try:
        write(folder.going_down, str(os.getpid()).encode())
    except OSError:  # a full disk: without its file the target is not up either
        folder.target.unlink(missing_ok=True)
    if resolved is not None:
        if _ask_supervisor(folder):
            _end_supervisor(folder, patience_s=1.0)
        else:
            _end_supervisor(folder)
            asyncio.run(_end_all(resolved, folder))
    # The second net: whoever inherited the target's mark, also where the state on disk is broken.
    asyncio.run(Family(folder.path, None).end())
    try:
        folder.clear()
    except OSError as cause:
        raise SaleproofError(f"the target's data cannot be removed: {cause}") from cause


def _ask_supervisor(folder: Folder) -> bool:
    """It does it best: it is the parent, and nobody restarts meanwhile. False when it did not."""
    try:
        connection = Connection(folder.socket)
    except OSError:
        return False
    try:
        connection.ask(Request(verb="down"))
        return not connection.answer(SUPERVISOR_PATIENCE_S).error
    except (OSError, EOFError, SaleproofError):
        return False
    finally:
        connection.close()


def _end_supervisor(folder: Folder, *, patience_s: float = 0.0) -> None:
    """One that does not leave by itself within `patience_s` is killed."""
    found = folder.read_supervisor()
    if found is None:
        return
    deadline = time.monotonic() + patience_s
    while alive(found.process):
        if time.monotonic() >= deadline:
            send(found.process, signal.SIGKILL)
        time.sleep(0.005)


async def _end_all(resolved: Resolved, folder: Folder) -> None:
    """What the supervisor would have done."""
    supervision = Supervision(resolved, folder)
    with contextlib.suppress(OSError):  # a full disk: the second net follows
        supervision.adopt()
        await supervision.end_all()
