"""`connections`: who talks to whom: the established TCP connections in the networks of some containers."""

from __future__ import annotations

import contextlib
from typing import Any

from chaos.agent.inside import check
from chaos.agent.sockets import ESTABLISHED, LISTEN, sockets
from chaos.errors import Unavailable


def run(*, places: list[tuple[int, str]]) -> dict[str, dict[str, Any]]:
    """container -> `dialled`, the addresses and ports that it has connections to, and `listens`, the ports on which it
    can be dialled from outside.

    A container that has ended meanwhile is left out. Looks only.
    """
    found: dict[str, dict[str, Any]] = {}
    for pid, container in places:
        with contextlib.suppress(Unavailable, OSError):
            check(pid, container)
            seen = sockets(pid)
            listening = [one for one in seen if one.state == LISTEN]
            ports = {one.local_port for one in listening}
            dialled = {
                (one.remote, one.remote_port)
                for one in seen
                if one.state == ESTABLISHED and one.local_port not in ports and not one.remote.startswith("127.")
            }
            # Docker's own name server listens on loopback, and so does whatever is nobody else's business.
            listens = {one.local_port for one in listening if not one.local.startswith("127.") and one.local != "::1"}
            found[container] = {"dialled": sorted(dialled), "listens": sorted(listens)}
    return found
