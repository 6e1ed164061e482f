"""One PostgreSQL role (the primary, or the replica) as an instance sees it: pool, time limit, breaker."""

from __future__ import annotations

import asyncio
import logging
import os
import select
import socket
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

import msgspec
import psycopg
from psycopg.rows import TupleRow
from psycopg_pool import AsyncConnectionPool

from targets.shop import metrics
from targets.shop.breaker import Breaker
from targets.shop.failures import DependencyDown

Row = tuple[Any, ...]
Connection = psycopg.AsyncConnection[TupleRow]

# Its warnings repeat, once a second for each pool, what the metrics and the breaker say already.
logging.getLogger("psycopg.pool").setLevel(logging.ERROR)

# The errors of a database that is away, as opposed to one that says no.
AWAY = (psycopg.OperationalError, psycopg.InterfaceError, psycopg.errors.ReadOnlySqlTransaction)


class Query(msgspec.Struct, frozen=True):
    """A statement ($1, $2, ...) with the name that it has in the metrics."""

    name: str
    sql: str


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """The size of a pool, and its time limits in seconds; None is for ever."""

    size: int
    wait_s: float | None
    query_s: float | None


class Node:
    """Run queries on one role of the database cluster, wherever in `hosts` it is now."""

    def __init__(self, name: str, *, hosts: Sequence[str], session: str, limits: Limits, breakers: bool) -> None:
        self.name = name
        self.limits = limits
        self.breaker = Breaker(name, enabled=breakers)
        pairs = [host.rpartition(":") for host in hosts]
        # One connection string with all hosts; libpq looks for the one that plays the role (`session`).
        conninfo = psycopg.conninfo.make_conninfo(
            "dbname=shop user=shop sslmode=disable gssencmode=disable",
            host=",".join(pair[0] for pair in pairs),
            port=",".join(pair[2] for pair in pairs),
            target_session_attrs=session,
            application_name=f"web-{name}",
            connect_timeout=2 if limits.query_s else 0,
        )
        self.pool: AsyncConnectionPool[Connection] = AsyncConnectionPool(
            conninfo,
            min_size=limits.size,
            max_size=limits.size,
            open=False,
            name=name,
            kwargs={"autocommit": True, "prepare_threshold": 2, "cursor_factory": psycopg.AsyncRawCursor},
            timeout=limits.wait_s or 3600.0,
            # Give up soon, and connect again when a request asks for it: the pool's own pauses grow to minutes.
            reconnect_timeout=0.5,
        )

    @asynccontextmanager
    async def connection(self, limits: Limits | None = None) -> AsyncIterator[Connection]:
        """A connection for one caller, with its own time limits if it has any.

        Raises: DependencyDown when none is to be had, or it broke.
        """
        limits = limits or self.limits
        if not self.breaker.allows():
            raise DependencyDown(self.name, "breaker")
        try:
            connection = await self._take(limits.wait_s)
        except AWAY as error:
            self.breaker.failed()
            metrics.QUERY_ERRORS.labels(self.name, "no connection").inc()
            raise DependencyDown(self.name, "no connection") from error
        limit = _TimeLimit(connection, limits.query_s)
        try:
            yield connection
        except AWAY as error:
            self.breaker.failed()
            reason = "timeout" if limit.expired else "connection lost"
            metrics.QUERY_ERRORS.labels(self.name, reason).inc()
            raise DependencyDown(self.name, reason) from error
        else:
            self.breaker.succeeded()
        finally:
            limit.cancel()
            await self.pool.putconn(connection)

    async def _take(self, wait_s: float | None) -> Connection:
        """A connection that is not known to be dead. After a restart of the server all idle ones are."""
        while True:
            connection = await self.pool.getconn(wait_s)
            if alive(connection):
                return connection
            await self.pool.putconn(connection)  # the pool drops it and connects anew

    async def fetch(self, query: Query, *args: object, limits: Limits | None = None) -> list[Row]:
        """Run one statement: one round trip. Raises: DependencyDown."""
        started = time.perf_counter()
        try:
            async with self.connection(limits) as connection:
                return await fetch(connection, query, args)
        finally:
            metrics.query_seconds(query.name, self.name).observe(time.perf_counter() - started)

    def publish(self) -> None:
        """Write the pool's state into the metrics."""
        stats = self.pool.get_stats()
        size, idle = stats.get("pool_size", 0), stats.get("pool_available", 0)
        metrics.POOL.labels(self.name, "used").set(size - idle)
        metrics.POOL.labels(self.name, "idle").set(idle)
        metrics.POOL.labels(self.name, "max").set(self.limits.size)
        metrics.POOL_WAITING.labels(self.name).set(stats.get("requests_waiting", 0))


async def fetch(connection: Connection, query: Query, args: Sequence[object]) -> list[Row]:
    """One statement on a connection that the caller holds; no rows where the statement returns none."""
    cursor = await connection.execute(query.sql, args)
    return await cursor.fetchall() if cursor.description else []


class _TimeLimit:
    """Cuts the connection when time is up.

    Cancelling the task instead would make psycopg ask the server to cancel, over the same dead network.
    """

    def __init__(self, connection: Connection, after_s: float | None) -> None:
        self.expired = False
        self._timer: asyncio.TimerHandle | None = None
        if after_s is not None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(after_s, self._cut, connection.pgconn.socket)

    def _cut(self, descriptor: int) -> None:
        self.expired = True
        with suppress(OSError), socket.socket(fileno=os.dup(descriptor)) as twin:
            twin.shutdown(socket.SHUT_RDWR)

    def cancel(self) -> None:
        if self._timer is not None:
            self._timer.cancel()


def alive(connection: Connection) -> bool:
    """False for an idle connection that its server has closed; asks the socket, so it costs no round trip."""
    waiting = select.poll()
    waiting.register(connection.pgconn.socket, select.POLLIN)
    # First comes what the server said (a notice, or why it goes), and then the end of the stream.
    while waiting.poll(0):
        try:
            connection.pgconn.consume_input()
        except psycopg.OperationalError:
            return False
        if connection.pgconn.status != psycopg.pq.ConnStatus.OK:
            return False
    return True
