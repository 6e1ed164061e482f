"""`kill`: the main process of a container dies by SIGKILL from the machine itself, so that the restart policy acts.

The engine's own kill does not do: it counts as asked for, and then no restart policy does anything.
"""

from __future__ import annotations

import os
import signal

from chaos.agent.inside import check


def run(*, pid: int, container: str) -> None:
    """Raises: Unavailable when the process is not that container's any more."""
    # Opened first, looked at second: from then on the pid cannot be another's unnoticed.
    descriptor = os.pidfd_open(pid)
    try:
        check(pid, container)
        signal.pidfd_send_signal(descriptor, signal.SIGKILL)
    finally:
        os.close(descriptor)
