"""Leases on a Docker engine: kept by our agent there, which reverts by itself when a runner is not heard of."""

from __future__ import annotations

from typing import Any

from chaos.errors import Refused
from chaos.model.base import from_plain, to_plain
from chaos.model.fault import Undo
from chaos.model.lease import Lease, Renewal
from chaos.platforms.compose.agent import Agent
from chaos.platforms.compose.engine import Endpoint, connect

# Two calls of the engine and a start of Python; one that is not answered is tried again.
ANSWER_S = 4.0
# What is asked once, before a run or a fault begins, may take its time.
ONCE_S = 15.0


def reach_of(plain: dict[str, Any]) -> dict[str, Any]:
    """From the data of a control or of a link to that of the agent beside them."""
    return {"platform": "compose", "endpoint": plain["endpoint"], "project": plain["project"]}


def renew(reach: dict[str, Any], lease: Lease) -> Renewal:
    """Raises: Unavailable."""
    became: Renewal = _call(reach, do="renew", lease=lease.id, ttl_s=lease.ttl_s)
    return became


def claim(reach: dict[str, Any], lease: Lease, who: str) -> None:
    """The target is this lease's alone from now on, whichever machine others come from. Raises: Refused, saying whose
    it is; Unavailable."""
    other = str(_call(reach, ONCE_S, do="claim", lease=lease.id, ttl_s=lease.ttl_s, who=who))
    if other:
        raise Refused(f"the target's project '{reach['project']}' is in use by {other}; wait for it, or end that run")


def entrust(reach: dict[str, Any], undo: Undo) -> None:
    """From now on the record is reverted there when its lease runs out. Raises: Unavailable."""
    _call(reach, ONCE_S, do="entrust", lease=undo.lease, undo=to_plain(undo))


def release(reach: dict[str, Any], name: str, *, clean: bool = False) -> None:
    """Raises: Unavailable."""
    _call(reach, do="release", lease=name, clean=clean)


def _call(reach: dict[str, Any], within_s: float = ANSWER_S, /, **arguments: Any) -> Any:
    engine = connect(from_plain(reach["endpoint"], Endpoint))
    return Agent(engine, str(reach["project"])).call("lease", within_s=within_s, **arguments)
