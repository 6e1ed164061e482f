"""What each toxic does to bytes, on our server and on Shopify's alike. Margins are wide: the machine is shared."""

from __future__ import annotations

import random
import socket
import time
from collections.abc import Callable
from typing import Any

import pytest

pytestmark = pytest.mark.integration

Make = Callable[..., Any]


def take(sock: socket.socket, size: int) -> bytes:
    """Exactly so many bytes. (MSG_WAITALL does not wait on a socket with a timeout.)"""
    got = bytearray()
    while len(got) < size:
        data = sock.recv(size - len(got))
        assert data, f"closed after {len(got)} of {size} bytes"
        got += data
    return bytes(got)


def ask(sock: socket.socket, data: bytes = b"ping") -> float:
    """Seconds for an echo."""
    started = time.monotonic()
    sock.sendall(data)
    assert take(sock, len(data)) == data
    return time.monotonic() - started


def ending(sock: socket.socket) -> str:
    """How a connection ends: `closed` or `reset`."""
    try:
        while sock.recv(65536):
            pass
    except ConnectionResetError:
        return "reset"
    return "closed"


def test_without_toxics_bytes_pass_both_ways(server: Any, wire: Make) -> None:
    """What goes in comes out, whole and in order."""
    with wire(server).connect() as sock:
        data = random.Random(1).randbytes(300_000)
        ask(sock, data)


def test_early_bytes_are_kept(server: Any, wire: Make) -> None:
    """What a client sends before its upstream is connected is not lost, even when it half-closes at once."""
    made = wire(server)
    for _ in range(20):
        with made.connect() as sock:
            ask(sock, b"sent with the connect")


def test_a_server_that_speaks_first_is_heard(server: Any, wire: Make, upstream: Make) -> None:
    """A greeting passes before the client has said anything."""
    with wire(server, upstream(lambda sock: sock.sendall(b"220 hello")).address).connect() as sock:
        assert take(sock, 9) == b"220 hello"


def test_a_dead_upstream_is_connect_then_close(server: Any, wire: Make) -> None:
    """The proxy accepts, cannot dial, and closes."""
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    with wire(server, f"127.0.0.1:{port}").connect() as sock:
        assert ending(sock) == "closed"


def test_a_half_close_closes_both_sides(server: Any, wire: Make, upstream: Make) -> None:
    """Neither proxy keeps a connection half open."""
    target = upstream("silent")
    with wire(server, target.address).connect() as sock:
        behind = target.wait_accepted()
        behind.settimeout(10)
        sock.shutdown(socket.SHUT_WR)
        assert behind.recv(1) == b""
        assert ending(sock) == "closed"


@pytest.mark.parametrize("stream", ["upstream", "downstream"])
def test_latency_delays_data_and_not_the_connect(server: Any, wire: Make, stream: Any) -> None:
    """A round trip takes the delay longer; a connect and a bare close do not."""
    made = wire(server)
    made.toxic("latency", stream, latency=200)
    started = time.monotonic()
    with made.connect() as sock:
        assert time.monotonic() - started < 0.15
        assert 0.19 <= ask(sock) < 0.6
        started = time.monotonic()
        sock.shutdown(socket.SHUT_WR)
        ending(sock)
        assert time.monotonic() - started < 0.15


def test_latency_counts_from_the_read(server: Any, wire: Make) -> None:
    """Ten messages sent one after the other arrive one delay later, not ten."""
    made = wire(server)
    made.toxic("latency", latency=200)
    with made.connect() as sock:
        started = time.monotonic()
        for _ in range(10):
            sock.sendall(b"0123456789")
            time.sleep(0.01)
        assert len(take(sock, 100)) == 100
        assert 0.2 < time.monotonic() - started < 0.9


def test_two_latencies_add_up(server: Any, wire: Make) -> None:
    """Toxics are a chain."""
    made = wire(server)
    made.toxic("latency", name="one", latency=100)
    made.toxic("latency", name="two", latency=100)
    with made.connect() as sock:
        assert 0.19 <= ask(sock) < 0.6


def test_latency_comes_and_goes_on_a_live_connection(server: Any, wire: Make) -> None:
    """Adding, changing and removing are felt at once, and no byte is lost or reordered."""
    made = wire(server)
    with made.connect() as sock:
        assert ask(sock) < 0.1
        made.toxic("latency", latency=150)
        assert 0.14 <= ask(sock) < 0.5
        made.change("latency", {"attributes": {"latency": 300}})
        assert 0.29 <= ask(sock) < 0.8
        made.remove("latency")
        assert ask(sock) < 0.1


def test_removing_a_latency_releases_what_it_holds(server: Any, wire: Make) -> None:
    """Nothing that was held is lost, and nothing waits on."""
    made = wire(server)
    made.toxic("latency", latency=30_000)
    with made.connect() as sock:
        data = random.Random(2).randbytes(100_000)
        sock.sendall(data)
        time.sleep(0.3)
        made.remove("latency")
        started = time.monotonic()
        assert take(sock, len(data)) == data
        assert time.monotonic() - started < 5


@pytest.mark.parametrize("stream", ["upstream", "downstream"])
def test_bandwidth_limits_the_rate(server: Any, wire: Make, stream: Any) -> None:
    """200 kB at 400 KB/s take half a second."""
    made = wire(server)
    made.toxic("bandwidth", stream, rate=400)
    with made.connect() as sock:
        assert 0.42 < ask(sock, bytes(200_000)) < 1.2


def test_bandwidth_is_smooth(server: Any, wire: Make) -> None:
    """A slow link sends a piece every 100 ms, not everything at the end."""
    made = wire(server)
    made.toxic("bandwidth", rate=20)
    with made.connect() as sock:
        sock.sendall(bytes(10_000))
        started = time.monotonic()
        first = len(sock.recv(10_000))
        assert 0 < first <= 4000
        assert time.monotonic() - started < 0.4
        take(sock, 10_000 - first)
        assert 0.3 < time.monotonic() - started < 1.2


def test_a_rate_of_zero_holds_until_it_is_removed(server: Any, wire: Make) -> None:
    """Nothing passes, nothing is lost."""
    made = wire(server)
    made.toxic("bandwidth", rate=0)
    with made.connect(timeout_s=0.3) as sock:
        sock.sendall(b"held")
        with pytest.raises(TimeoutError):
            sock.recv(4)
        made.remove("bandwidth")
        sock.settimeout(10)
        assert take(sock, 4) == b"held"


@pytest.mark.parametrize("stream", ["upstream", "downstream"])
def test_slow_close_delays_the_close_alone(server: Any, wire: Make, stream: Any) -> None:
    """Data is not delayed; the other side's close is."""
    made = wire(server)
    made.toxic("slow_close", stream, delay=300)
    with made.connect() as sock:
        assert ask(sock) < 0.15
        started = time.monotonic()
        sock.shutdown(socket.SHUT_WR)
        ending(sock)
        assert 0.28 < time.monotonic() - started < 1.0


def test_timeout_swallows_and_closes(server: Any, wire: Make) -> None:
    """No byte passes, and the connection is closed after the timeout."""
    made = wire(server)
    made.toxic("timeout", timeout=300)
    with made.connect() as sock:
        started = time.monotonic()
        sock.sendall(b"lost")
        assert sock.recv(4) == b""
        assert 0.25 < time.monotonic() - started < 1.2


def test_timeout_closes_an_idle_connection(server: Any, wire: Make) -> None:
    """The time runs from the beginning, without any data."""
    made = wire(server)
    made.toxic("timeout", timeout=200)
    started = time.monotonic()
    with made.connect() as sock:
        assert ending(sock) == "closed"
        assert 0.18 < time.monotonic() - started < 1.2


def test_removing_a_timeout_closes_live_connections(server: Any, wire: Make) -> None:
    """Bytes are missing, so the connection cannot go on."""
    made = wire(server)
    made.toxic("timeout", timeout=0)
    with made.connect(timeout_s=0.3) as sock:
        sock.sendall(b"lost")
        with pytest.raises(TimeoutError):
            sock.recv(4)
        made.remove("timeout")
        sock.settimeout(10)
        assert ending(sock) == "closed"


def test_reset_peer_resets(server: Any, wire: Make, upstream: Make) -> None:
    """Client and upstream both see a TCP reset, and no data."""
    target = upstream("silent")
    made = wire(server, target.address)
    made.toxic("reset_peer", "upstream", timeout=100)
    with made.connect() as sock:
        behind = target.wait_accepted()
        behind.settimeout(10)
        started = time.monotonic()
        sock.sendall(b"trigger")
        assert ending(sock) == "reset"
        assert 0.08 < time.monotonic() - started < 1.0
        assert ending(behind) == "reset"


def test_slicer_cuts_into_pieces(server: Any, wire: Make) -> None:
    """Twenty slices, 10 ms apart, arrive as many small reads, whole and in order."""
    made = wire(server)
    made.toxic("slicer", average_size=64, size_variation=16, delay=10_000)
    data = random.Random(3).randbytes(1280)
    with made.connect() as sock:
        started = time.monotonic()
        sock.sendall(data)
        got = b""
        reads = 0
        while len(got) < len(data):
            got += sock.recv(65536)
            reads += 1
    assert got == data
    assert reads >= 8
    assert 0.12 < time.monotonic() - started < 1.5


def test_limit_data_closes_after_so_many_bytes(server: Any, wire: Make) -> None:
    """Exactly the limit arrives, then the end."""
    made = wire(server)
    made.toxic("limit_data", bytes=1000)
    with made.connect() as sock:
        sock.sendall(bytes(5000))
        got = 0
        while data := sock.recv(65536):
            got += len(data)
        assert got == 1000


def test_limit_data_upstream_lets_exactly_so_much_through(server: Any, wire: Make, upstream: Make) -> None:
    """The upstream gets the limit and then the end, and so does the client."""
    target = upstream("silent")
    made = wire(server, target.address)
    made.toxic("limit_data", "upstream", bytes=7000)
    with made.connect() as sock:
        behind = target.wait_accepted()
        behind.settimeout(10)
        sock.sendall(bytes(10_000))
        assert len(take(behind, 7000)) == 7000
        assert ending(behind) == "closed"
        assert ending(sock) in ("closed", "reset")


def test_limit_data_counts_over_several_writes(server: Any, wire: Make) -> None:
    """The count is the connection's; each connection has its own."""
    made = wire(server)
    made.toxic("limit_data", bytes=10)
    for _ in range(2):
        with made.connect() as sock:
            ask(sock, b"1234")
            ask(sock, b"5678")
            sock.sendall(b"90ab")
            assert take(sock, 2) == b"90"
            assert ending(sock) == "closed"


def test_disabling_refuses_and_closes_and_enabling_restores(server: Any, wire: Make) -> None:
    """A disabled proxy refuses new connections and closes the live ones; its port and toxics stay."""
    made = wire(server)
    made.toxic("latency", latency=1)
    with made.connect() as sock:
        ask(sock)
        assert server.client.set_enabled(made.name, False).listen == made.address
        assert ending(sock) in ("closed", "reset")
    with pytest.raises(ConnectionRefusedError):
        made.connect()
    state = server.client.set_enabled(made.name, True)
    assert state.listen == made.address
    assert [toxic.name for toxic in state.toxics] == ["latency"]
    with made.connect() as sock:
        ask(sock)


def test_deleting_a_proxy_closes_its_connections(server: Any, wire: Make) -> None:
    """Nothing of it stays."""
    made = wire(server)
    with made.connect() as sock:
        ask(sock)
        server.client.delete(made.name)
        assert ending(sock) in ("closed", "reset")
    with pytest.raises(ConnectionRefusedError):
        made.connect()
