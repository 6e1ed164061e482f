"""One proxy: a listener, an upstream, its toxics, and the connections that it accepted."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import random
import socket
from collections.abc import Callable
from typing import Any

from chaos.proxy.server import address
from chaos.proxy.server.apierror import ApiError, toxic_not_found
from chaos.proxy.server.connection import Connection
from chaos.proxy.server.toxic import Direction, Toxic

log = logging.getLogger("saleproof.proxy")

BACKLOG = 4096

# Toxiproxy takes an absent address for any port of every interface; a tool that breaks things stays at home.
AT_HOME = "127.0.0.1:0"


class Proxy:
    """Enabled, it listens; disabled, connections are refused. Toxics change at once, also for live connections."""

    def __init__(self, *, name: str, listen: str, upstream: str, seed: int, dial_timeout_s: float) -> None:
        self.name = name
        self.listen = listen or AT_HOME
        self.upstream = upstream
        self.enabled = False
        self.disabled_under = ""  # the lease at whose end it is enabled again
        self._seed = seed
        self._dial_timeout_s = dial_timeout_s
        self._chain: dict[Direction, list[Toxic]] = {"upstream": [], "downstream": []}
        self._connections: set[Connection] = set()
        self._accepted = 0
        self._server: asyncio.Server | None = None
        self._socket: socket.socket | None = None
        self._changing = asyncio.Lock()
        self._failed_dials = 0

    def as_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "listen": self.listen,
            "upstream": self.upstream,
            "enabled": self.enabled,
            "toxics": [toxic.as_json() for toxic in self.toxics()],
        }

    # The listener.

    async def start(self) -> None:
        """Listen. Harmless when it does already. Raises: ApiError 500 when the address cannot be had."""
        async with self._changing:
            await self._start()

    async def stop(self) -> None:
        """Refuse new connections and close all live ones. Harmless when it is stopped."""
        async with self._changing:
            self._stop()

    async def update(self, *, listen: str, upstream: str, enabled: bool, lease: str | None = None) -> None:
        """Apply a PATCH. A new listen address or upstream closes the live connections. `lease`: the one under which it
        is disabled, None when the PATCH says nothing about `enabled`. Raises: ApiError 500."""
        async with self._changing:
            if await self.differs(listen, upstream):
                self._stop()
                self.listen = listen or AT_HOME
                self.upstream = upstream
            if enabled and not self.enabled:
                await self._start()
            elif not enabled:
                # One that somebody has disabled without a lease stays so.
                if lease is not None and (self.enabled or self.disabled_under or not lease):
                    self.disabled_under = lease
                self._stop()

    async def differs(self, listen: str, upstream: str) -> bool:
        """Whether this proxy is another than the one described. Raises: ApiError 500 when that has a bad address."""
        try:
            wanted = await address.resolve(address.parse(listen or AT_HOME))
        except ValueError as error:
            raise ApiError(str(error), 500) from error
        try:
            present = await address.resolve(address.parse(self.listen))
        except ValueError:
            return True  # a good address for the bad one that it has
        return wanted != present or upstream != self.upstream

    async def _start(self) -> None:
        if self.enabled:
            return
        try:
            self._socket = address.bind(await address.resolve(address.parse(self.listen)), BACKLOG)
            self._server = await asyncio.get_running_loop().create_server(
                self._accept, sock=self._socket, backlog=BACKLOG
            )
        except ValueError as error:
            raise ApiError(f"listen tcp: {error}", 500) from error
        except OSError as error:
            raise ApiError(f"listen tcp {self.listen}: bind: {_reason(error)}", 500) from error
        self.listen = str(address.bound(self._socket))
        self.enabled = True
        self.disabled_under = ""
        log.info("proxy %r listens at %s for %s", self.name, self.listen, self.upstream)

    def _stop(self) -> None:
        if not self.enabled:
            return
        self.enabled = False
        assert self._server is not None
        assert self._socket is not None
        # The event loop closes its listener a turn later; after a shutdown the kernel refuses from now on, and the port
        # can be bound again at once.
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._server.close()
        self._server = self._socket = None
        for connection in list(self._connections):
            connection.close()
        log.info("proxy %r stopped", self.name)

    def _accept(self) -> asyncio.Protocol:
        ordinal = self._accepted
        self._accepted += 1
        key = f"{self._seed}/{self.name}/{ordinal}"

        def chance(direction: Direction, toxic_name: str) -> random.Random:
            return random.Random(f"{key}/{direction}/{toxic_name}")

        return Connection(self, chance).client

    # What its connections ask for.

    def toxics_of(self, direction: Direction) -> list[Toxic]:
        return self._chain[direction]

    def joined(self, connection: Connection) -> None:
        self._connections.add(connection)
        if not self.enabled:
            connection.close()

    def left(self, connection: Connection) -> None:
        self._connections.discard(connection)

    async def dial(self, protocol: Callable[[], asyncio.Protocol]) -> None:
        """Connect to the upstream. Raises: OSError, ValueError."""
        try:
            upstream = address.parse(self.upstream)
            async with asyncio.timeout(self._dial_timeout_s):
                await asyncio.get_running_loop().create_connection(
                    protocol, upstream.host or "127.0.0.1", upstream.port
                )
        except (OSError, ValueError) as error:
            # One line an outage, not one a connection.
            if self._failed_dials == 0:
                log.warning("proxy %r cannot reach %s: %s", self.name, self.upstream, _reason(error))
            self._failed_dials += 1
            raise
        if self._failed_dials:
            log.info("proxy %r reaches %s again, after %d failures", self.name, self.upstream, self._failed_dials)
            self._failed_dials = 0

    # Toxics.

    def toxics(self) -> list[Toxic]:
        """All of them: upstream first, each stream in the order of insertion."""
        return [*self._chain["upstream"], *self._chain["downstream"]]

    def toxic(self, name: str) -> Toxic:
        """Raises: ApiError 404."""
        for toxic in self.toxics():
            if toxic.name == name:
                return toxic
        raise toxic_not_found()

    def add_toxic(self, toxic: Toxic) -> None:
        """Put it at the end of its stream, also on live connections. No other has its name."""
        self._chain[toxic.direction].append(toxic)
        for connection in list(self._connections):
            if connection.links:
                connection.links[toxic.direction].add(toxic)
        log.info("proxy %r: added %s", self.name, toxic.as_json())

    def change_toxic(self, before: Toxic, after: Toxic) -> None:
        index = self._chain[before.direction].index(before)
        self._chain[before.direction][index] = after
        for connection in list(self._connections):
            if connection.links:
                connection.links[before.direction].change(index, after)
        log.info("proxy %r: changed to %s", self.name, after.as_json())

    def remove_toxic(self, toxic: Toxic) -> None:
        index = self._chain[toxic.direction].index(toxic)
        del self._chain[toxic.direction][index]
        for connection in list(self._connections):
            if connection.links:
                connection.links[toxic.direction].remove(index)
        log.info("proxy %r: removed %r", self.name, toxic.name)


def _reason(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "i/o timeout"
    if isinstance(error, OSError) and error.errno and error.errno > 0:
        return os.strerror(error.errno).lower()  # as Go writes them, and without what Python adds
    return (error.strerror if isinstance(error, OSError) else None) or str(error)
