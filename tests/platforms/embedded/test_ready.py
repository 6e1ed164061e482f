"""Readiness, and the real parts that it is asked of."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from pathlib import Path
from typing import Any

import psycopg
import pytest

from chaos.model.target import ProcessService, Ready, Restart
from chaos.platforms import service_control
from chaos.platforms.embedded.ready import is_ready
from chaos.units import Duration

pytestmark = pytest.mark.integration


def answering(answer: bytes, ready: Ready) -> bool:
    """Is a server ready that says this to everybody?"""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()

        def serve() -> None:
            client, _ = server.accept()
            with client:
                client.settimeout(2)
                client.recv(4096)
                client.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        found = asyncio.run(is_ready(ready, server.getsockname()[1]))
        thread.join()
    return found


@pytest.mark.parametrize(
    ("answer", "ready"),
    [
        (b"HTTP/1.1 200 OK\r\n\r\n", True),
        (b"HTTP/1.1 302 Found\r\n\r\n", True),
        (b"HTTP/1.1 404 Not Found\r\n\r\n", False),
        (b"HTTP/1.0 503 Service Unavailable\r\n\r\n", False),
        (b"nonsense\r\n", False),
        (b"", False),
    ],
)
def test_http_is_ready_below_400(answer: bytes, ready: bool) -> None:
    """Anything that is not such an answer is not ready."""
    assert answering(answer, Ready(tcp=False, http="/healthz")) is ready


@pytest.mark.parametrize(
    ("answer", "ready"),
    [
        (b"+PONG\r\n", True),
        (b"-NOAUTH Authentication required.\r\n", True),
        (b"-LOADING data\r\n", False),
        (b"", False),
    ],
)
def test_redis_is_ready_when_it_plays(answer: bytes, ready: bool) -> None:
    """One that still loads its data is not."""
    assert answering(answer, Ready(tcp=False, redis=True)) is ready


def test_a_server_that_says_nothing_is_not_ready() -> None:
    """A frozen process still accepts connections: the kernel does it."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        port = server.getsockname()[1]
        assert asyncio.run(is_ready(Ready(), port))
        for kind in (Ready(tcp=False, http="/"), Ready(tcp=False, redis=True), Ready(tcp=False, postgres="/x?user=y")):
            assert not asyncio.run(is_ready(kind, port, limit_s=0.3))


@pytest.mark.parametrize("kind", [Ready(), Ready(tcp=False, http="/"), Ready(tcp=False, postgres="/x?user=y")])
def test_a_closed_port_is_not_ready(kind: Ready) -> None:
    """Nobody is there."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        port = server.getsockname()[1]
    assert not asyncio.run(is_ready(kind, port))


def test_a_real_cache(build: Any, up: Any, checkout: Path) -> None:
    """Valkey is ready when it answers, and comes back after a crash."""
    run = ("{python}", "-m", "targets.shop.valkey", "--port", "{port}")
    service = ProcessService(run=run, ready=Ready(tcp=False, redis=True), restart=Restart(backoff=Duration(0.05)))
    platform = up(build.target({"cache": service}, path=str(checkout / "targets" / "shop.yaml")))
    assert platform.instance("cache").healthy
    service_control(platform.control()).pause("cache")
    assert not platform.instance("cache").healthy


def test_a_real_database(
    build: Any, up: Any, checkout: Path, state: Path, eventually: Any, proc_state: Any, kill9: Any
) -> None:
    """PostgreSQL's backends leave the session and wipe their environment: they die, freeze and go on all the same."""
    service = ProcessService(
        run=("{python}", "-m", "targets.shop.postgres", "primary", "--port", "{port}", "--data", "{state}"),
        ready=Ready(tcp=False, postgres="/postgres?user=postgres"),
        restart=Restart(backoff=Duration(0.1)),
        start_within=Duration(60),
        stop_signal="INT",
    )
    target = build.target({"db": service}, path=str(checkout / "targets" / "shop.yaml"))
    platform = up(target)
    control = service_control(platform.control())
    host, port = control.instance("db").address.split(":")

    def connect() -> contextlib.closing[psycopg.Connection[Any]]:
        where = f"postgresql://postgres@{host}:{port}/postgres?connect_timeout=5"
        return contextlib.closing(psycopg.connect(where, autocommit=True))

    def backend(connection: psycopg.Connection[Any]) -> int:
        row = connection.execute("SELECT pg_backend_pid()").fetchone()
        assert row is not None
        return int(row[0])

    with connect() as open_one:
        pid = backend(open_one)
        assert Path(f"/proc/{pid}/comm").read_text().startswith("postgres")
        control.pause("db")
        assert proc_state(pid) == "T"
        control.unpause("db")
        assert backend(open_one) == pid

        kill9(control.instance("db").pid)  # the postmaster alone
        after = eventually(lambda: (now := control.instance("db")).restarts == 1 and now.healthy and now)
        assert proc_state(pid) in ("", "Z")
    with connect() as open_one:
        pid = backend(open_one)
        control.kill("db")
        assert proc_state(pid) in ("", "Z")
        assert proc_state(after.pid) in ("", "Z")
    control.start("db")
    with connect() as open_one:
        assert backend(open_one) > 0
        platform.down()  # does not wait for its client
