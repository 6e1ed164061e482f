"""`namespace`: is a container's network its own?"""

from __future__ import annotations

from pathlib import Path

from chaos.agent.inside import check, machine


def run(*, pid: int, container: str) -> bool:
    """False: it is the machine's. Raises: Unavailable."""
    check(pid, container)
    return _network(pid) != _network(machine())


def _network(pid: int) -> str:
    return str(Path(f"/proc/{pid}/ns/net").readlink())
