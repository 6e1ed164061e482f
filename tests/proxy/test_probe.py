"""Probes tell refused, timed out, reset, closed and nonsense apart; dialects read answers in any pieces."""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Callable
from typing import Any

import pytest

from chaos.proxy.dialects import PROTOCOLS, Unexpected, conversation
from chaos.proxy.probe import (
    ProbeClosed,
    ProbeError,
    ProbeRefused,
    ProbeReset,
    ProbeTimeout,
    ProbeUnexpected,
    close_s,
    exchange,
    round_trip,
)

Make = Callable[..., Any]


def reset_after_request(sock: socket.socket) -> None:
    sock.recv(1000)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


def close_after_request(sock: socket.socket) -> None:
    sock.recv(1000)
    sock.close()


@pytest.mark.integration
@pytest.mark.parametrize("protocol", ["http", "postgres", "redis"])
def test_each_way_to_fail_has_its_error(upstream: Make, protocol: str) -> None:
    """The error carries what was seen."""
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    cases: list[tuple[str, type[Exception]]] = [
        (f"127.0.0.1:{port}", ProbeRefused),
        (upstream("silent").address, ProbeTimeout),
        (upstream(reset_after_request).address, ProbeReset),
        (upstream(close_after_request).address, ProbeClosed),
        (upstream(lambda sock: sock.sendall(b"?" * 50)).address, ProbeUnexpected),
    ]
    for address, error in cases:
        with pytest.raises(error, match=address) as caught:
            round_trip(address, protocol, timeout_s=0.4)
        assert isinstance(caught.value, ProbeError)
        assert caught.value.exchange.received_bytes == (50 if error is ProbeUnexpected else 0)


@pytest.mark.integration
def test_tcp_sees_who_leaves(upstream: Make) -> None:
    """It stays: seconds to connect. It leaves at once: closed."""
    assert round_trip(upstream("silent").address, "tcp", timeout_s=2) < 1
    assert round_trip(upstream(lambda sock: sock.sendall(b"hi")).address, "tcp", timeout_s=2) < 1
    with pytest.raises(ProbeClosed):
        round_trip(upstream(lambda sock: sock.close()).address, "tcp", timeout_s=2)


@pytest.mark.integration
def test_a_close_is_timed(upstream: Make) -> None:
    """From our half-close; a server that keeps its side open is a timeout."""

    def lingering(sock: socket.socket) -> None:
        assert sock.recv(1) == b""
        time.sleep(0.2)
        sock.close()

    assert 0.18 < close_s(upstream(lingering).address, timeout_s=5) < 2
    with pytest.raises(ProbeTimeout):
        close_s(upstream("silent").address, timeout_s=0.2)


@pytest.mark.integration
@pytest.mark.parametrize("stream", ["upstream", "downstream"])
def test_a_long_exchange_moves_the_bytes(upstream: Make, stream: Any) -> None:
    """In the direction that was asked for."""

    def pages(sock: socket.socket) -> None:
        buffer = b""
        while data := sock.recv(65536):
            buffer += data
            while b"\r\n\r\n" in buffer:
                _, _, buffer = buffer.partition(b"\r\n\r\n")
                sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n" + bytes(100))

    seen = exchange(upstream(pages).address, "http", size_bytes=50_000, stream=stream, timeout_s=10)
    assert seen.outcome == "answered"
    assert 50_000 <= (seen.sent_bytes if stream == "upstream" else seen.received_bytes) < 80_000


def test_a_bad_address_or_protocol_is_a_value_error() -> None:
    """A mistake of the caller, not of the network."""
    with pytest.raises(ValueError, match="host:port"):
        round_trip("localhost", "http", timeout_s=1)
    with pytest.raises(ValueError, match="unknown protocol 'htpt'"):
        round_trip("localhost:1", "htpt", timeout_s=1)


ANSWERS: list[tuple[str, int, bytes]] = [
    ("http", 0, b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"),
    ("http", 0, b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n"),
    ("http", 0, b"HTTP/1.1 204 No Content\r\n\r\n"),
    ("http", 0, b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx"),
    ("http", 0, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\na;x=1\r\n0123456789\r\n0\r\n\r\n"),
    ("postgres", 0, b"S"),
    ("postgres", 0, b"N"),
    ("postgres", 100, b"v\0\0\0\x0d\0\3\0\0\0\0\0\0\0" + b"E\0\0\0\6no"),
    ("postgres", 100, b"R\0\0\0\x08\0\0\0\x05"),
    ("redis", 0, b"+PONG\r\n"),
    ("redis", 0, b"-NOAUTH Authentication required.\r\n"),
    ("redis", 10, b"$10\r\nxxxxxxxxxx\r\n"),
]


@pytest.mark.parametrize(("protocol", "size", "answer"), ANSWERS)
def test_answers_are_read_in_any_pieces(protocol: str, size: int, answer: bytes) -> None:
    """Done with the last byte, not before."""
    for step in (1, 2, 7, len(answer)):
        talk = conversation(protocol, host="h", path="/", size_bytes=size, stream="downstream")
        assert talk.next()
        if not (protocol == "http" and size):
            assert talk.next() is None
        for start in range(0, len(answer), step):
            assert not talk.done()
            talk.feed(answer[start : start + step])
        assert talk.done()


@pytest.mark.parametrize("protocol", [name for name in PROTOCOLS if name != "tcp"])
@pytest.mark.parametrize("size", [0, 100])
def test_nonsense_is_unexpected(protocol: str, size: int) -> None:
    """Another protocol at that port is not an answer."""
    talk = conversation(protocol, host="h", path="/", size_bytes=size, stream="downstream")
    talk.next()
    with pytest.raises(Unexpected):
        talk.feed(b"SSH-2.0-OpenSSH_9.2\r\n")
