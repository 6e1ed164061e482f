"""`divert`: in a sidecar, say which links it has, and wait until it has them."""

from __future__ import annotations

import time
from typing import Any

from chaos.agent.sidecar import LINKS, STATE, _read, _write
from chaos.errors import Unavailable

WITHIN_S = 12.0
LOOK_EVERY_S = 0.05


def run(*, add: dict[str, dict[str, Any]], remove: list[str]) -> dict[str, Any]:
    """The sidecar's state once it is so: every link that was added has its proxy and an address that is redirected.

    `add` is name -> host, port, outside (of the project). What cannot be had is taken back. Raises: Unavailable.
    """
    before = _read(LINKS)
    wanted = {name: one for name, one in before.items() if name not in remove} | add
    _write(LINKS, wanted)
    until_s = time.monotonic() + WITHIN_S
    while True:
        state = _read(STATE)
        if state and not state["error"] and _is_so(state["links"], wanted, add):
            return state
        if time.monotonic() > until_s:
            _write(LINKS, before)
            raise Unavailable(_why(state, add))
        time.sleep(LOOK_EVERY_S)


def _is_so(links: dict[str, Any], wanted: dict[str, Any], add: dict[str, Any]) -> bool:
    return links.keys() == wanted.keys() and all(links[name]["listen"] and links[name]["addresses"] for name in add)


def _why(state: dict[str, Any], add: dict[str, Any]) -> str:
    if state.get("error"):
        return str(state["error"])
    lost = [f"{one['host']}" for name, one in add.items() if not state.get("links", {}).get(name, {}).get("addresses")]
    only_ipv6 = [one["host"] for one in state.get("links", {}).values() if one["ipv6"] and not one["addresses"]]
    if only_ipv6:
        return f"{', '.join(only_ipv6)} has IPv6 addresses only, which are not redirected"
    return f"no address is found for {', '.join(lost)}" if lost else "the sidecar does not get ready"
