"""Step into a container's network, once it is sure that the process is that container's."""

from __future__ import annotations

import ctypes
import os
from pathlib import Path

from chaos.errors import Unavailable

CLONE_NEWNET = 0x40000000  # linux/sched.h


def belongs(pid: int, container: str) -> bool:
    """Is that process of that container? Its cgroup is named after the container; a reused pid's is not."""
    try:
        return container in Path(f"/proc/{pid}/cgroup").read_text()
    except OSError:
        return False


def check(pid: int, container: str) -> None:
    """Raises: Unavailable."""
    if not belongs(pid, container):
        raise Unavailable(f"process {pid} is not of the container {container[:12]} any more")


def machine() -> int:
    """A process of the machine's own namespaces. The kernel's thread 2 is one where we share the machine's processes,
    and can be looked at even where the first process is guarded."""
    try:
        return 2 if Path("/proc/2/comm").read_text().strip() == "kthreadd" else 1
    except OSError:
        return 1


def enter_network(pid: int, container: str) -> None:
    """This process is in the container's network from now on; in the machine's own for container "".

    Raises: Unavailable.
    """
    if container:
        check(pid, container)
    else:
        pid = machine()
    namespace = os.open(f"/proc/{pid}/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    try:
        # os.setns is there from Python 3.12 on.
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.setns(namespace, CLONE_NEWNET):
            number = ctypes.get_errno()
            raise Unavailable(f"the network of {container[:12]} cannot be entered: {os.strerror(number)}")
    finally:
        os.close(namespace)
