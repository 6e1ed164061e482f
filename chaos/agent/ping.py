"""`ping`: packets to an address and back, from inside a container's network, counted one by one."""

from __future__ import annotations

import os
import select
import socket
import struct
import time
from dataclasses import asdict, dataclass

from chaos.agent.inside import enter_network

ECHO = {socket.AF_INET: (8, 0), socket.AF_INET6: (128, 129)}  # RFC 792, RFC 4443: request and reply
HEAD = struct.Struct("!BBHHH")
SO_RCVBUFFORCE = 33  # asm-generic/socket.h
# A long queue of answers is to be counted, not lost here.
RECEIVE_BYTES = 4_000_000
DOUBLES_S = 0.02
LEAST_S = 1e-6
IPV6_HEAD = 40  # which a raw socket does not hand over, as it does that of IPv4
MOST = 65_000  # their numbers have sixteen bits


@dataclass(kw_only=True)
class Pings:
    """What came of them. `answered` counts each packet once, whole; `bytes_per_s` is what came back between the first
    answer and the last, with IP headers."""

    sent: int = 0
    answered: int = 0
    duplicates: int = 0
    reordered: int = 0
    garbled: int = 0
    bytes_per_s: float = 0.0
    offered_per_s: float = 0.0  # packets that were really sent


def run(
    *, pid: int, container: str, address: str, count: int, every_ms: float, size: int = 56, wait_s: float = 0.3
) -> dict[str, float]:
    """Send `count` packets with `size` bytes each, and wait `wait_s` for the last answers. Container "": the machine's
    own network. Raises: Unavailable."""
    enter_network(pid, container)
    count = min(count, MOST)
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    protocol = socket.IPPROTO_ICMPV6 if family == socket.AF_INET6 else socket.IPPROTO_ICMP
    with socket.socket(family, socket.SOCK_RAW, protocol) as sock:
        sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, RECEIVE_BYTES)
        return _run(sock, family, address, count, every_ms / 1000, size, wait_s)


def _run(
    sock: socket.socket, family: int, address: str, count: int, every_s: float, size: int, wait_s: float
) -> dict[str, float]:
    found = Pings()
    ident = os.getpid() & 0xFFFF
    sent_at: list[float] = []
    arrived: dict[int, tuple[float, int]] = {}  # which -> when, and how many bytes
    began_s = time.monotonic()
    while True:
        now_s = time.monotonic()
        while len(sent_at) < count and now_s >= began_s + len(sent_at) * every_s:
            sent_at.append(time.monotonic())
            _send(sock, family, address, ident, len(sent_at) - 1, size)
        due_s = began_s + len(sent_at) * every_s
        if len(sent_at) == count:
            due_s += wait_s
            # All of them are back: a moment more, for those that come twice.
            if now_s >= due_s or (len(arrived) == count and not _ready(sock, DOUBLES_S)):
                break
        if not _ready(sock, max(0.0, due_s - time.monotonic())):
            continue
        data = sock.recv(65536)
        number = _reply(data, family, ident, size)
        if number is None:
            continue
        if number < 0:
            found.garbled += 1
        elif number in arrived:
            found.duplicates += 1
        else:
            found.reordered += number < max(arrived, default=0)
            arrived[number] = (time.monotonic(), len(data) + (IPV6_HEAD if family == socket.AF_INET6 else 0))
    found.sent, found.answered = count, len(arrived)
    if count > 1:
        found.offered_per_s = (count - 1) / max(LEAST_S, sent_at[-1] - sent_at[0])
    if len(arrived) > 1:
        times = [when for when, _ in arrived.values()]
        # What came first began the time, and is not counted in it.
        amount = sum(amount for _, amount in list(arrived.values())[1:])
        found.bytes_per_s = amount / max(LEAST_S, max(times) - min(times))
    return asdict(found)


def _ready(sock: socket.socket, within_s: float) -> bool:
    return bool(select.select([sock], [], [], within_s)[0])


def _send(sock: socket.socket, family: int, address: str, ident: int, number: int, size: int) -> None:
    payload = _payload(number, size)
    kind = ECHO[socket.AddressFamily(family)][0]
    packet = HEAD.pack(kind, 0, 0, ident, number & 0xFFFF) + payload
    if family == socket.AF_INET:  # over IPv6 the kernel does it
        packet = HEAD.pack(kind, 0, _checksum(packet), ident, number & 0xFFFF) + payload
    try:
        sock.sendto(packet, (address, 0))
    except OSError:
        return  # no route, or refused by a rule: lost, as far as anybody can tell


def _payload(number: int, size: int) -> bytes:
    """One that tells whether a bit of it was changed."""
    return (struct.pack("!I", number) * (size // 4 + 1))[:size]


def _reply(data: bytes, family: int, ident: int, size: int) -> int | None:
    """Which of ours it answers; -1 when something in it was changed; None when it is none."""
    body = data[(data[0] & 0x0F) * 4 :] if family == socket.AF_INET else data
    if len(body) < HEAD.size:
        return None
    kind, _, _, its_ident, its_number = HEAD.unpack_from(body)
    if kind != ECHO[socket.AddressFamily(family)][1] or its_ident != ident:
        return None
    whole = body[HEAD.size :] == _payload(its_number, size)
    if family == socket.AF_INET:
        whole = whole and _checksum(body) == 0
    return int(its_number) if whole else -1


def _checksum(data: bytes) -> int:
    """RFC 1071."""
    padded = data + b"\0" * (len(data) % 2)
    total: int = sum(struct.unpack(f"!{len(padded) // 2}H", padded))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF
