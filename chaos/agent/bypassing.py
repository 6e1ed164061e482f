"""`bypassing`: connections of a caller that go past its fault proxy, because they are older than it; and their end."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable
from typing import Any

from chaos.agent.sockets import ESTABLISHED, Socket, sockets

RECYCLE_WITHIN_S = 10.0


def run(*, addresses: list[tuple[str, int]], proxies: list[int], uid: int, recycle: bool = False) -> dict[str, Any]:
    """In the sidecar, whose network is the caller's. `addresses` are what the links lead to, `proxies` the ports on
    which their fault proxies listen, `uid` the proxies' own user.

    `bypassing` are those that go past it, `recycled` those of them that were reset, `through` those that it carries.
    """
    ends = {(host, port) for host, port in addresses}
    found = bypassing(sockets(), ends, set(proxies), uid)
    recycled = sum(_reset(one) for one in found) if recycle else 0
    now = sockets()
    left = bypassing(now, ends, set(proxies), uid)
    return {"bypassing": len(left), "recycled": recycled, "through": len(_accepted(now, set(proxies), uid))}


def bypassing(
    all_of_them: Iterable[Socket], addresses: set[tuple[str, int]], proxies: set[int], uid: int
) -> list[Socket]:
    """A redirected connection looks to its owner as if it led to the service itself. It is known by its other end: a
    connection that a proxy has accepted from just that address and port."""
    established = [one for one in all_of_them if one.state == ESTABLISHED]
    through = {(one.remote, one.remote_port) for one in _accepted(established, proxies, uid)}
    return [
        one
        for one in established
        if (one.remote, one.remote_port) in addresses and one.uid != uid and (one.local, one.local_port) not in through
    ]


def _accepted(all_of_them: Iterable[Socket], proxies: set[int], uid: int) -> list[Socket]:
    return [one for one in all_of_them if one.state == ESTABLISHED and one.local_port in proxies and one.uid == uid]


def _reset(one: Socket) -> bool:
    """Both ends are told. Only where the kernel can end another's connection (CONFIG_INET_DIAG_DESTROY)."""
    words = [
        "ss", "--kill", "--tcp", "--numeric", "--no-header", "state", "established",
        "src", f"{one.local}:{one.local_port}", "dst", f"{one.remote}:{one.remote_port}",
    ]  # fmt: skip
    done = subprocess.run(words, capture_output=True, text=True, timeout=RECYCLE_WITHIN_S, check=False)
    return done.returncode == 0 and bool(done.stdout.strip())
