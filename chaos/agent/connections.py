"""`connections`: who talks to whom: the established TCP connections in the networks of some containers."""

from __future__ import annotations

import contextlib
from typing import Any

from chaos.agent.inside import check
from chaos.agent.sockets import ESTABLISHED, LISTEN, sockets
from chaos.errors import Unavailable


def run(*, places: list[tuple[int, str]]) -> dict[str, dict[str, Any]]:
    """container -> `dialled`, the addresses and ports that it has connections to, and `listens`, its ports.

    A container that has ended meanwhile is left out. Looks only.
    """
    found: dict[str, dict[str, Any]] = {}
    for pid, container in places:
        with contextlib.suppress(Unavailable, OSError):
            check(pid, container)
            seen = sockets(pid)
            listens = {one.local_port for one in seen if one.state == LISTEN}
            dialled = {
                (one.remote, one.remote_port)
                for one in seen
                if one.state == ESTABLISHED and one.local_port not in listens and not one.remote.startswith("127.")
            }
            found[container] = {"dialled": sorted(dialled), "listens": sorted(listens)}
    return found
