"""`host:port` texts as Go writes them: `127.0.0.1:80`, `[::1]:80`, `:80` for every interface."""

from __future__ import annotations

import asyncio
import re
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
    """Read `host:port`. The port may be a service's name, or absent for any. Raises: ValueError, in Go's words."""
    host, port_text = _split(text)
    if re.fullmatch(r"[+-]?[0-9]*", port_text):
        port = int(port_text if port_text.strip("+-") else "0")
        if not 0 <= port <= 65535:
            raise ValueError(f"address {port_text}: invalid port")
        return Address(host=host, port=port)
    try:
        return Address(host=host, port=socket.getservbyname(port_text, "tcp"))
    except OSError:
        raise ValueError(f"lookup tcp/{port_text}: unknown port") from None


def _split(text: str) -> tuple[str, str]:
    """Host and port, as Go's net.SplitHostPort: a host with colons is in brackets. Raises: ValueError."""
    host, colon, port = text.rpartition(":")
    if not colon:
        raise ValueError(f"address {text}: missing port in address")
    if text.startswith("["):
        host, bracket, rest = text[1:].partition("]")
        if not bracket:
            raise ValueError(f"address {text}: missing ']' in address")
        if not rest.startswith(":"):
            raise ValueError(f"address {text}: missing port in address")
        port = rest[1:]
    if ":" in (port if text.startswith("[") else host):
        raise ValueError(f"address {text}: too many colons in address")
    for stray in "[]":
        if stray in host or stray in port:
            raise ValueError(f"address {text}: unexpected '{stray}' in address")
    return host, port


async def resolve(address: Address) -> Address:
    """The address with its host as a number, IPv4 first as Go does. Raises: ValueError when the name is unknown.

    Every spelling of the wildcard becomes `[::]`, which is what a bound wildcard listener says of itself; Toxiproxy
    compares the spellings, and so drops live connections on an identical populate.
    """
    if address.host in WILDCARDS:
        return Address(host="::", port=address.port)
    try:
        found = await asyncio.get_running_loop().getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise ValueError(f"lookup {address.host}: {_lookup_reason(error)}") from error
    found.sort(key=lambda entry: entry[0] != socket.AF_INET)
    return Address(host=str(found[0][4][0]), port=address.port)


def _lookup_reason(error: OSError) -> str:
    return "no such host" if error.errno == socket.EAI_NONAME else error.strerror or str(error)


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
