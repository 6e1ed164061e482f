"""`lookup`: a name asked for where a container asks for names, from inside its network."""

from __future__ import annotations

import os
import socket
import struct
import time
from typing import Any

from chaos.agent.files import read_inside
from chaos.agent.inside import enter_network
from chaos.errors import Unavailable

RESOLV_CONF = "/etc/resolv.conf"
PORT = 53


def run(*, pid: int, container: str, name: str, count: int, timeout_s: float) -> dict[str, Any]:
    """Its name servers, how many of `count` questions to them got any answer, and how long the slowest took. Each of
    the servers is asked. Raises: Unavailable when it has none."""
    servers = servers_in(read_inside(pid, container, RESOLV_CONF))
    if not servers:
        raise Unavailable(f"its {RESOLV_CONF} names no server")
    enter_network(pid, container)
    answered, slowest_s = 0, 0.0
    for _ in range(count):
        took_s = min((t for server in servers if (t := _ask(server, name, timeout_s)) is not None), default=None)
        if took_s is not None:
            answered += 1
            slowest_s = max(slowest_s, took_s)
    return {"servers": servers, "asked": count, "answered": answered, "slowest_ms": slowest_s * 1000}


def servers_in(text: str) -> list[str]:
    """resolv.conf(5). Only those with an address that can be dialled without a scope."""
    words = [line.split() for line in text.splitlines() if line.startswith("nameserver")]
    return [one[1] for one in words if len(one) == 2 and "%" not in one[1]]


def question(ident: int, name: str) -> bytes:
    """For the address of a name (RFC 1035, 4.1)."""
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.strip(".").split(".") if label)
    return struct.pack("!6H", ident, 0x0100, 1, 0, 0, 0) + labels + b"\0" + struct.pack("!2H", 1, 1)


def _ask(server: str, name: str, timeout_s: float) -> float | None:
    """Seconds until any answer, also one that there is no such name; None when there was none."""
    ident = int.from_bytes(os.urandom(2), "big")
    family = socket.AF_INET6 if ":" in server else socket.AF_INET
    began_s = time.monotonic()
    with socket.socket(family, socket.SOCK_DGRAM) as sock:
        try:
            sock.connect((server, PORT))
            sock.send(question(ident, name))
            while (left_s := began_s + timeout_s - time.monotonic()) > 0:
                sock.settimeout(left_s)
                if sock.recv(4096)[:2] == ident.to_bytes(2, "big"):
                    return time.monotonic() - began_s
        except OSError:
            return None
    return None
