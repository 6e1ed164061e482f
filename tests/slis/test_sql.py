"""A gauge by SQL, from a real PostgreSQL."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator

import psycopg
import pytest

from chaos.errors import Unavailable
from chaos.model.sli import Shape, Sli, Source
from chaos.slis.sql import SqlReader

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def dsn(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The reference shop's database, as the owner, who may write."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    folder = tmp_path_factory.mktemp("sql") / "data"
    command = [sys.executable, "-m", "targets.shop.postgres", "primary", "--port", str(port), "--data", str(folder)]
    server = subprocess.Popen(command, start_new_session=True)
    found = f"postgresql://shop@127.0.0.1:{port}/shop?sslmode=disable"
    try:
        until_s = time.monotonic() + 60
        while True:
            try:
                psycopg.connect(found, connect_timeout=2).close()
                break
            except psycopg.OperationalError:
                assert server.poll() is None, "PostgreSQL ended"
                assert time.monotonic() < until_s, "PostgreSQL does not come up"
                time.sleep(0.1)
        yield found
    finally:
        server.send_signal(signal.SIGINT)
        try:
            server.wait(timeout=10)
        except subprocess.TimeoutExpired:
            os.killpg(server.pid, signal.SIGKILL)
            server.wait(timeout=10)


def reader(dsn: str, query: str) -> SqlReader:
    sli = Sli(name="stock-left", source=Source.SQL, shape=Shape.GAUGE, service="db", query=query)
    return SqlReader(sli, dsn)


def test_one_number_is_read_over_a_kept_connection(dsn: str) -> None:
    """With a literal % in the query, and decimals as the database gives them."""
    source = reader(dsn, "SELECT 12.5 + (10 % 4) + (pg_backend_pid() * 0)")
    first, second = source.read(1.0), source.read(2.0)
    assert [(s.value, s.sli, s.service, s.at_s) for s in (*first.samples, *second.samples)] == [
        (14.5, "stock-left", "db", 1.0), (14.5, "stock-left", "db", 2.0),
    ]  # fmt: skip
    pids = reader(dsn, "SELECT pg_backend_pid()")
    assert pids.read(1.0).samples[0].value == pids.read(2.0).samples[0].value
    source.close()
    pids.close()


def test_nothing_can_be_written(dsn: str) -> None:
    """Whatever the role may do: a measurement must not be a fault."""
    writer = reader(dsn, "UPDATE products SET stock = 0 RETURNING 1")
    with pytest.raises(Unavailable, match="read-only"):
        writer.read(0.0)
    writer.close()


def test_a_query_that_takes_too_long_is_ended(dsn: str) -> None:
    """In about two seconds, and the next reading works."""
    started_s = time.monotonic()
    slow = reader(dsn, "SELECT pg_sleep(30)")
    with pytest.raises(Unavailable, match="statement timeout"):
        slow.read(0.0)
    assert time.monotonic() - started_s < 15
    slow.close()


@pytest.mark.parametrize(
    "query",
    [
        "SELECT 1, 2",
        "SELECT 1 UNION SELECT 2",
        "SELECT 1 WHERE false",
        "SELECT 'many'",
        "SELECT NULL",
        "SELECT 'NaN'::float8",
    ],
)
def test_what_is_no_number_is_an_error(dsn: str, query: str) -> None:
    """Two of them are not one either."""
    source = reader(dsn, query)
    with pytest.raises(Unavailable, match="stock-left"):
        source.read(0.0)
    source.close()


def test_a_broken_query_and_a_lost_connection_are_errors_that_pass(dsn: str) -> None:
    """The next reading opens a new connection."""
    with pytest.raises(Unavailable, match="nothing_here"):
        reader(dsn, "SELECT count(*) FROM nothing_here").read(0.0)
    source = reader(dsn, "SELECT pg_backend_pid()")
    first = source.read(0.0).samples[0].value
    assert first is not None
    with psycopg.connect(dsn, autocommit=True) as other:
        other.execute("SELECT pg_terminate_backend(%s)", (int(first),))
    with pytest.raises(Unavailable):
        source.read(0.0)
    assert source.read(0.0).samples[0].value != first
    source.close()


def test_nobody_there_is_an_error() -> None:
    """At once, in one line."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        with pytest.raises(Unavailable) as caught:
            reader(f"postgresql://x@127.0.0.1:{probe.getsockname()[1]}/x", "SELECT 1").read(0.0)
    assert "\n" not in str(caught.value)
