"""`host:port` texts as Go writes them: `127.0.0.1:80`, `[::1]:80`, `:80` for every interface."""

from __future__ import annotations

import asyncio
import socket
from dataclasses import dataclass

WILDCARDS = ("", "0.0.0.0", "::")  # noqa: S104 - recognised here, never chosen by us


@dataclass(frozen=True, kw_only=True, slots=True)
class Address:
    """A host (a name, an address, or empty for every interface) and a port."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def parse(text: str) -> Address:
    """Read `host:port`. The port may be a service's name. Raises: ValueError, saying what is wrong."""
    host, colon, port_text = text.rpartition(":")
    if not colon or (port_text.endswith("]") and host.startswith("[")):
        raise ValueError(f"address {text}: missing port in address")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    elif ":" in host:
        raise ValueError(f"address {text}: too many colons in address")
    try:
        port = int(port_text) if port_text.isascii() and port_text.isdigit() else socket.getservbyname(port_text, "tcp")
    except OSError:
        raise ValueError(f"address {text}: unknown port {port_text!r}") from None
    if not 0 <= port <= 65535:
        raise ValueError(f"address {text}: invalid port")
    return Address(host=host, port=port)


async def resolve(address: Address) -> Address:
    """The address with its host as a number, IPv4 first as Go does. Raises: OSError when the name is unknown.

    Every spelling of the wildcard becomes `[::]`, which is what a bound wildcard listener says of itself; Toxiproxy
    compares the spellings, and so drops live connections on an identical populate.
    """
    if address.host in WILDCARDS:
        return Address(host="::", port=address.port)
    found = await asyncio.get_running_loop().getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)
    found.sort(key=lambda entry: entry[0] != socket.AF_INET)
    return Address(host=str(found[0][4][0]), port=address.port)


def bind(address: Address, backlog: int) -> socket.socket:
    """A listening socket at a resolved address. Raises: OSError."""
    if address.host == "::" and socket.has_dualstack_ipv6():
        return socket.create_server(("", address.port), family=socket.AF_INET6, backlog=backlog, dualstack_ipv6=True)
    if address.host == "::":
        return socket.create_server(("0.0.0.0", address.port), backlog=backlog)  # noqa: S104 - was asked for
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    return socket.create_server((address.host, address.port), family=family, backlog=backlog)


def bound(sock: socket.socket) -> Address:
    """Where a listening socket really is."""
    name = sock.getsockname()
    return Address(host="::" if name[0] in WILDCARDS else str(name[0]), port=int(name[1]))
