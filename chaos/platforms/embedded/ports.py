"""Free ports on loopback, taken together, outside the range from which the kernel serves outgoing connections."""

from __future__ import annotations

import contextlib
import random
import socket
from collections.abc import Sequence
from pathlib import Path

from chaos.errors import Unavailable

LOWEST = 10240  # below are the ports that programs have by default
BLOCK = 50


class Reservation:
    """Ports that no other target of this machine is given, as long as this is open.

    Each block of ports is held by a socket in the abstract namespace: it has the scope that ports have, the network
    namespace, and is gone with its last holder. `sockets` may be inherited by another process.
    """

    def __init__(self, ports: Sequence[int], sockets: Sequence[socket.socket]) -> None:
        self.ports = tuple(ports)
        self.sockets = tuple(sockets)

    def close(self) -> None:
        for held in self.sockets:
            held.close()


def reserve(count: int) -> Reservation:
    """So many free ports. Raises: Unavailable when there are not as many."""
    highest = _lowest_outgoing()
    if highest < LOWEST + 4 * BLOCK:  # a machine that uses nearly all ports for outgoing connections
        highest = 65000
    starts = list(range(LOWEST, highest - BLOCK, BLOCK))
    random.shuffle(starts)
    ports: list[int] = []
    sockets: list[socket.socket] = []
    for start in starts:
        if len(ports) >= count:
            break
        held = _hold(start)
        if held is not None:
            sockets.append(held)
            ports.extend(port for port in range(start, start + BLOCK) if is_free(port))
    found = Reservation(ports[:count], sockets)
    if len(found.ports) < count:
        found.close()
        raise Unavailable(f"{count} free ports on 127.0.0.1 are needed, and there are {len(found.ports)}")
    return found


def hold_again(ports: Sequence[int]) -> Reservation:
    """The reservation of a target that is up, for a new supervisor; what somebody else holds is left to them."""
    blocks = sorted({port - (port - LOWEST) % BLOCK for port in ports})
    return Reservation(ports, [held for block in blocks if (held := _hold(block)) is not None])


def is_free(port: int) -> bool:
    """Can a server listen there now? Connections that linger after a dead server do not count."""
    with socket.socket() as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind(("127.0.0.1", port))
            trial.listen()
        except OSError:
            return False
    return True


def holder(port: int) -> str:
    """Who listens there: `pid 4711 (python3)`, or `another process` where we may not know."""
    import psutil

    with contextlib.suppress(psutil.Error, OSError):
        for connection in psutil.net_connections("tcp"):
            listens = connection.status == psutil.CONN_LISTEN and tuple(connection.laddr)[1:] == (port,)
            if listens and connection.pid:
                return f"pid {connection.pid} ({psutil.Process(connection.pid).name()})"
    return "another process"


def _hold(start: int) -> socket.socket | None:
    held = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    try:
        held.bind(f"\0saleproof.ports.{start}")
    except OSError:
        held.close()
        return None
    return held


def _lowest_outgoing() -> int:
    """32768 on most machines (ip(7), ip_local_port_range)."""
    try:
        return int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    except (OSError, ValueError):
        return 32768
