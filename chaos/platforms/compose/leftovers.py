"""What sidecars leave that died, and those that outlived their caller: found by our own labels and our own table."""

from __future__ import annotations

from chaos.platforms.compose import project, sidecar
from chaos.platforms.compose.agent import Agent
from chaos.platforms.compose.engine import Engine
from chaos.platforms.compose.sidecar import Sidecar


def clear(engine: Engine, of_project: str) -> tuple[Sidecar, ...]:
    """Remove them, and return the sidecars that work. Idempotent. Raises: Unavailable."""
    here = {one.id: one for one in project.containers(engine, of_project)}
    working = []
    for one in sidecar.sidecars(engine, of_project):
        caller = here.get(one.caller)
        if caller is not None and caller.life == one.caller_life and sidecar.state(engine, one) is not None:
            working.append(one)
        else:
            sidecar.remove(engine, one)
    served = {one.caller for one in working}
    # Those in the machine's or another's network were never given a table.
    places = [(one.pid, one.id) for one in here.values() if one.pid and one.networks and one.id not in served]
    if places:
        Agent(engine, of_project).call("sweep", places=places)
    return tuple(working)
