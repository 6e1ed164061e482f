"""TCP connections of one network, as the kernel lists them in /proc/PID/net."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from ipaddress import IPv6Address
from pathlib import Path
from typing import NamedTuple

ESTABLISHED, LISTEN = "01", "0A"  # include/net/tcp_states.h
WORD = 4


class Socket(NamedTuple):
    """`uid` is its owner's. An IPv4 address inside an IPv6 one is shown as IPv4."""

    state: str
    local: str
    local_port: int
    remote: str
    remote_port: int
    uid: int


def sockets(pid: int | str = "self") -> list[Socket]:
    """Those of the network that the process is in. Raises: OSError."""
    found: list[Socket] = []
    for name in ("tcp", "tcp6"):
        path = Path(f"/proc/{pid}/net/{name}")
        if path.exists():  # without IPv6 there is no tcp6
            found += parse(path.read_text())
    return found


def parse(text: str) -> Iterator[Socket]:
    """Of one such file: a line of headings, then one for each socket."""
    for line in text.splitlines()[1:]:
        words = line.split()
        local, remote = _end(words[1]), _end(words[2])
        yield Socket(words[3], *local, *remote, int(words[7]))


def _end(text: str) -> tuple[str, int]:
    """`0100007F:1F90` is 127.0.0.1:8080 where x86 or ARM is read: words of four bytes, each in the machine's order."""
    digits, _, port = text.partition(":")
    raw = bytes.fromhex(digits)
    turn = -1 if sys.byteorder == "little" else 1
    turned = b"".join(raw[at : at + WORD][::turn] for at in range(0, len(raw), WORD))
    if len(turned) == WORD:
        return ".".join(map(str, turned)), int(port, 16)
    address = IPv6Address(turned)
    return str(address.ipv4_mapped or address), int(port, 16)
