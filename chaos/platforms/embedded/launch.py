"""Find the supervisor of a target that is up, or start one."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from chaos.errors import Unavailable
from chaos.platforms.embedded.layout import Folder
from chaos.platforms.embedded.logs import tail
from chaos.platforms.embedded.records import Resolved
from chaos.platforms.embedded.resolve import environment
from chaos.platforms.embedded.wire import Connection
from chaos.proc import boot_id
from chaos.state import open_private

STARTS_WITHIN_S = 15.0
SUPERVISOR = "supervisor"  # its name among the logs and in its environment


class Gone(Unavailable):
    """The target is not up (any more): nothing of it runs, and so no fault of it is in place."""


def what_is_up(folder: Folder) -> Resolved | None:
    """The target as it was brought up; None when it is down, going down, or from before a reboot."""
    resolved = folder.resolved()
    if resolved is None or resolved.boot_id != boot_id() or folder.going_down.exists():
        return None
    return resolved


def connect(folder: Folder, up: str | None = None) -> Connection:
    """To the supervisor; a dead one is replaced first. Raises: Gone, when not up or not `up`; Unavailable."""
    deadline = time.monotonic() + STARTS_WITHIN_S
    launched = 0
    while True:
        resolved = what_is_up(folder)
        if resolved is None:
            raise Gone(f"the target of {folder.path} is not up")
        if up is not None and resolved.up != up:
            raise Gone(f"the target '{resolved.target}' was taken down, and brought up anew, since")
        try:
            return Connection(folder.socket)
        except OSError:
            pass
        # One that has just ended may still hold the lock, and ours then leaves at once: try again.
        if launched < 3 and time.monotonic() > deadline - STARTS_WITHIN_S + 3 * launched:
            launch(folder)
            launched += 1
        if time.monotonic() > deadline:
            said = "\n".join(tail(folder.log(SUPERVISOR), 5))
            raise Unavailable(f"the supervisor of '{resolved.target}' does not start:\n{said}")
        time.sleep(0.02)


def launch(folder: Folder, held: Sequence[socket.socket] = ()) -> None:
    """Start a supervisor, detached, which inherits `held`. Returns before it answers. Raises: Unavailable."""
    package = Path(__file__).parents[3]
    numbers = [held_socket.fileno() for held_socket in held]
    command = [sys.executable, "-m", "chaos.platforms.embedded.supervisor", str(folder.path)]
    try:
        with open_private(folder.log(SUPERVISOR)) as log:
            done = subprocess.run(
                [*command, *(str(number) for number in numbers)],
                env=environment(folder, SUPERVISOR, package),
                cwd=folder.path,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=numbers,
                start_new_session=True,
                umask=0o077,
                check=False,
            )
    except OSError as cause:
        raise Unavailable(f"cannot start the supervisor: {cause}") from cause
    if done.returncode:
        raise Unavailable(f"cannot start the supervisor: {' '.join(tail(folder.log(SUPERVISOR), 1))}")
