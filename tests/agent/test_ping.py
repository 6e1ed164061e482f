"""What comes back to a ping."""

from __future__ import annotations

import socket

from chaos.agent.ping import HEAD, _checksum, _payload, _reply


def reply(number: int, size: int, *, ident: int = 9, change: int | None = None) -> bytes:
    """As a raw socket hands it over: the head of IPv4, then the answer; with one bit of the payload changed."""
    payload = bytearray(_payload(number, size))
    head = HEAD.pack(0, 0, 0, ident, number)
    head = HEAD.pack(0, 0, _checksum(head + payload), ident, number)
    if change is not None:
        payload[change] ^= 1
    return b"\x45" + b"\0" * 19 + head + bytes(payload)


def test_an_answer_of_ours_is_told_from_others() -> None:
    """By the identifier in it; a changed bit is told from a whole one."""
    family = socket.AF_INET
    assert _reply(reply(7, 56), family, 9, 56) == 7
    assert _reply(reply(7, 56, ident=8), family, 9, 56) is None
    assert _reply(reply(7, 56, change=30), family, 9, 56) == -1
    assert _reply(b"\x45" + b"\0" * 21, family, 9, 56) is None


def test_the_checksum_is_the_rfcs() -> None:
    """RFC 1071's own example, section 3: the sum is ddf2, and the checksum its complement."""
    assert _checksum(bytes.fromhex("0001f203f4f5f6f7")) == 0xFFFF - 0xDDF2
