"""Free ports on loopback."""

from __future__ import annotations

import os
import socket

import pytest

from chaos.platforms.embedded.ports import hold_again, holder, is_free, reserve

pytestmark = pytest.mark.integration


def test_all_are_free_and_different() -> None:
    """So many as asked for, over several blocks."""
    reservation = reserve(120)
    try:
        assert len(set(reservation.ports)) == 120
        assert all(is_free(port) for port in reservation.ports)
    finally:
        reservation.close()


def test_two_targets_never_get_the_same_port() -> None:
    """Also while neither listens yet."""
    held = [reserve(60) for _ in range(5)]
    try:
        ports = [port for reservation in held for port in reservation.ports]
        assert len(set(ports)) == len(ports)
    finally:
        for reservation in held:
            reservation.close()


def test_a_reservation_is_taken_up_again() -> None:
    """A new supervisor holds what the dead one held."""
    first = reserve(10)
    first.close()
    again = hold_again(first.ports)
    try:
        assert again.sockets
        assert not hold_again(first.ports).sockets
    finally:
        again.close()


def test_a_busy_port_is_seen_with_its_holder() -> None:
    """Whoever listens has the port; a person is told who."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        port = server.getsockname()[1]
        assert not is_free(port)
        assert f"pid {os.getpid()} " in holder(port)
    assert is_free(port)


def test_a_listener_on_all_addresses_counts() -> None:
    """0.0.0.0 includes loopback."""
    with socket.socket() as server:
        server.bind(("0.0.0.0", 0))
        server.listen()
        assert not is_free(server.getsockname()[1])
