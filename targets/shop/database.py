"""The shop's database: writes go to the primary, reads to the replica, and each steps in for the other's reads."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress

from targets.shop.failures import DependencyDown
from targets.shop.node import Limits, Node, Query, Row
from targets.shop.retry import RetryBudget
from targets.shop.settings import Settings

# Two reads that fail one after the other, on both roles, stay below the 2 s that a page may take. A write may take
# longer; two of them with a payment in between stay below 3 s even when each waits 300 ms for its network.
READ = Limits(size=6, wait_s=0.4, query_s=0.8)
WRITE = Limits(size=10, wait_s=0.6, query_s=1.5)
# What outage reports are made of: two connections, each held for a whole request, and nobody ever gives up.
NAIVE = Limits(size=2, wait_s=None, query_s=None)
# A second try is for what failed at once (a connection that was cut), not for what took long.
RETRY_WITHIN_S = 0.5


class Database:
    """Both roles, with the policy between them."""

    def __init__(self, settings: Settings) -> None:
        self.defences = settings.defences
        self.retries = RetryBudget(enabled=self.defences.retries)
        # The caches's misses are cheap when a page is one query; a naive shop keeps its connection for the whole page.
        read, write = (READ, WRITE) if self.defences.batching else (NAIVE, NAIVE)
        if not self.defences.timeouts:
            read, write = (Limits(size=limits.size, wait_s=None, query_s=None) for limits in (read, write))
        self._read, self._write = read, write
        breakers = self.defences.breakers
        self.primary = Node("primary", hosts=settings.db_hosts, session="read-write", limits=write, breakers=breakers)
        self.replica: Node | None = None
        if self.defences.replica_reads:
            hosts = settings.db_hosts[::-1]
            self.replica = Node("replica", hosts=hosts, session="standby", limits=read, breakers=breakers)
        self.nodes = [node for node in (self.replica, self.primary) if node is not None]

    async def open(self) -> None:
        """Start connecting, without waiting for it."""
        for node in self.nodes:
            await node.pool.open(wait=False)

    async def close(self) -> None:
        for node in self.nodes:
            await node.pool.close(timeout=0.5)

    async def wait_for_any(self) -> None:
        """Return once one of the roles has answered, however long that takes."""
        probe = Query("probe", "SELECT 1")
        while True:
            for node in self.nodes:
                with suppress(DependencyDown, TimeoutError):
                    async with asyncio.timeout(1.0):
                        await node.fetch(probe)
                        return
            await asyncio.sleep(0.1)

    async def read(self, query: Query, *args: object) -> list[Row]:
        """From the replica; a moment behind the primary. Raises: DependencyDown when nobody answers."""
        return await self._try_each(self.nodes, self._read, query, args)

    async def read_own(self, query: Query, *args: object) -> list[Row]:
        """From the primary, so that customers see what they have just done; the replica is better than nothing."""
        return await self._try_each(self.nodes[::-1], self._read, query, args)

    async def write(self, query: Query, *args: object) -> list[Row]:
        """On the primary. The statement must be safe to repeat: a lost answer leads to a second try."""
        return await self._try_each([self.primary], self._write, query, args)

    async def _try_each(self, nodes: list[Node], limits: Limits, query: Query, args: tuple[object, ...]) -> list[Row]:
        started = time.monotonic()
        self.retries.earn()
        failure: DependencyDown | None = None
        for node in nodes:
            try:
                return await node.fetch(query, *args, limits=limits)
            except DependencyDown as down:
                failure = down
        assert failure is not None
        if failure.reason == "breaker" or time.monotonic() - started > RETRY_WITHIN_S:
            raise failure
        if not await self.retries.again(failure.dependency):
            raise failure
        return await nodes[0].fetch(query, *args, limits=limits)
