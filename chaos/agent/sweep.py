"""`sweep`: take what a dead sidecar left in its caller's network: our table, and nothing else. Also: what is there."""

from __future__ import annotations

from typing import Any

from chaos.agent import redirect
from chaos.agent.inside import belongs, enter_network
from chaos.errors import SaleproofError


def run(*, places: list[tuple[int, str]]) -> dict[str, Any]:
    """`places` are pid and id of containers. `removed`: in whose network there was a table; it is gone now, read back.

    A container that has ended meanwhile took its network with it. Raises: Unavailable where one cannot be cleaned.
    """
    removed = []
    for pid, container in places:
        try:
            enter_network(pid, container)
            if redirect.remove():
                removed.append(container)
        except (SaleproofError, OSError):
            if belongs(pid, container):
                raise
    return {"removed": removed}
