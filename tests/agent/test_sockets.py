"""The kernel's list of connections, and which of them go past a fault proxy."""

from __future__ import annotations

import socket
import sys

import pytest

from chaos.agent.bypassing import bypassing
from chaos.agent.sockets import ESTABLISHED, LISTEN, Socket, parse, sockets

HEAD = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
TAIL = " 00000000:00000000 00:00000000 00000000 {uid:5} 0 12345 1 0000000000000000 20 4 30 10 -1\n"
PROXY_UID = 64987

needs_little_endian = pytest.mark.skipif(sys.byteorder != "little", reason="the line is from a little-endian machine")


@needs_little_endian
@pytest.mark.parametrize(
    ("ends", "address"),
    [
        ("0200A8C0:1F90 030012AC:1538", ("192.168.0.2", 8080, "172.18.0.3", 5432)),
        (
            "0000000000000000FFFF00000200A8C0:1F90 0000000000000000FFFF0000030012AC:1538",
            ("192.168.0.2", 8080, "172.18.0.3", 5432),
        ),
        (
            "B80D0120000000000000000001000000:0050 00000000000000000000000001000000:C000",
            ("2001:db8::1", 80, "::1", 49152),
        ),
    ],
    ids=["IPv4", "IPv4 in IPv6", "IPv6"],
)
def test_a_line_of_the_kernel_is_read(ends: str, address: tuple[str, int, str, int]) -> None:
    line = f"   0: {ends} 01{TAIL.format(uid=33)}"
    assert list(parse(HEAD + line)) == [Socket(ESTABLISHED, *address, 33)]


def test_what_this_process_has_open_is_listed() -> None:
    """The real file, of this machine."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)) as client:
            own = client.getsockname()[1]
            found = {(one.state, one.local_port, one.remote_port) for one in sockets()}
    assert (ESTABLISHED, own, port) in found
    assert any(state == LISTEN and local == port for state, local, _ in found)


def established(local_port: int, remote: str, remote_port: int, uid: int = 0, local: str = "172.18.0.9") -> Socket:
    return Socket(ESTABLISHED, local, local_port, remote, remote_port, uid)


def test_only_those_that_no_proxy_has_accepted_bypass_it() -> None:
    """A redirected connection and one from before look alike to their owner; the proxy's own end tells them apart."""
    before = established(40001, "172.18.0.3", 5432)
    all_of_them = [
        before,
        established(40002, "172.18.0.3", 5432),  # redirected: the proxy has its other end
        established(33000, "172.18.0.9", 40002, uid=PROXY_UID, local="127.0.0.1"),
        established(40003, "172.18.0.3", 5432, uid=PROXY_UID),  # the proxy's own, to the service
        established(40004, "172.18.0.4", 6379),  # another link's
        Socket("06", "172.18.0.9", 40005, "172.18.0.3", 5432, 0),  # TIME_WAIT: nobody sends on it any more
    ]
    assert bypassing(all_of_them, {("172.18.0.3", 5432)}, {33000}, PROXY_UID) == [before]
