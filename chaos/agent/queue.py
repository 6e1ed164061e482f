"""`queue`: how a container's network devices send: tc's root queue of each, replaced by one of ours."""

from __future__ import annotations

import json
import subprocess
from typing import Any, Literal

from chaos.agent.inside import enter_network
from chaos.errors import Unavailable

WITHIN_S = 10.0


def run(
    *, pid: int, container: str, action: Literal["put", "there", "remove", "others"], handle: str,
    words: list[str] | None = None,
) -> list[str]:  # fmt: skip
    """The devices that have our queue now, by its handle (`5a1e:`); for `others`, those with one of somebody else's.

    Raises: Unavailable.
    """
    enter_network(pid, container)
    if action == "others":
        return [one["dev"] for one in _roots() if one["handle"] not in ("0:", handle)]
    if action == "put":
        # Loopback is not the network.
        for device in [name for name in _devices() if name != "lo"]:
            _tc("qdisc", "add", "dev", device, "root", "handle", handle, *(words or []))
    elif action == "remove":
        for device in _ours(handle):
            _tc("qdisc", "del", "dev", device, "root", "handle", handle)
    return _ours(handle)


def _ours(handle: str) -> list[str]:
    return [one["dev"] for one in _roots() if one["handle"] == handle]


def _roots() -> list[dict[str, Any]]:
    """The root queue of each device. What the kernel put there by itself has the handle `0:`."""
    return [one for one in json.loads(_tc("-j", "qdisc", "show")) if one.get("root")]


def _devices() -> list[str]:
    return [one["dev"] for one in _roots()]


def _tc(*words: str) -> str:
    done = subprocess.run(["tc", *words], capture_output=True, text=True, timeout=WITHIN_S, check=False)
    if done.returncode:
        said = [line for line in done.stderr.splitlines() if line.strip()] or ["it failed"]
        raise Unavailable(f"tc: {said[0]}")
    return done.stdout
