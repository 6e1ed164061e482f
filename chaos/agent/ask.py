"""`ask`: the smallest exchange with an address, from inside a container's network."""

from __future__ import annotations

import os
from typing import Any

from chaos.agent.inside import enter_network


def run(
    *, pid: int, container: str, address: str, protocol: str, path: str, timeout_s: float, uid: int = 0
) -> dict[str, Any]:
    """The Exchange of chaos.proxy.probe as plain data. `uid`: asked as that user, whom a redirect lets pass."""
    from dataclasses import asdict

    from chaos.proxy.probe import exchange

    enter_network(pid, container)
    if uid:
        os.setuid(uid)
    return asdict(exchange(address, protocol, timeout_s=timeout_s, path=path))
