"""One accepted client and its upstream: two sockets, and a link in each direction."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from typing import Protocol, cast

from chaos.proxy.server.link import Link, reset
from chaos.proxy.server.toxic import Direction, Toxic

# More than one read's worth: a lower mark makes bulk transfers stop and go.
WRITE_HIGH_BYTES = 512 * 1024


class Keeper(Protocol):
    """What a connection asks of its proxy."""

    def toxics_of(self, direction: Direction) -> list[Toxic]: ...
    def joined(self, connection: Connection) -> None: ...
    def left(self, connection: Connection) -> None: ...
    async def dial(self, protocol: Callable[[], asyncio.Protocol]) -> None: ...


class Endpoint(asyncio.Protocol):
    """One socket. `outgoing` starts here, `incoming` ends here; both are None until the other side is connected."""

    __slots__ = ("connection", "early", "incoming", "outgoing", "saw_end", "transport")

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.transport: asyncio.Transport | None = None
        self.outgoing: Link | None = None
        self.incoming: Link | None = None
        self.early: list[bytes] = []
        self.saw_end = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are Transports in all but name.
        self.transport = cast(asyncio.Transport, transport)
        self.transport.set_write_buffer_limits(high=WRITE_HIGH_BYTES)
        self.connection.made(self)

    def data_received(self, data: bytes) -> None:
        link = self.outgoing
        if link is None:
            # Read before the other side was there. Don't drop any data on the floor.
            self.early.append(data)
        elif link.stages:
            link.receive(data)
        else:
            link.write(data)

    def eof_received(self) -> bool:
        self._source_end()
        # True: the link decides when this socket closes, for the other direction may still hold something for it.
        return True

    def pause_writing(self) -> None:
        if self.incoming is not None:
            self.incoming.sink_blocked(True)

    def resume_writing(self) -> None:
        if self.incoming is not None:
            self.incoming.sink_blocked(False)

    def connection_lost(self, exc: Exception | None) -> None:
        if self.incoming is not None:
            self.incoming.sink_gone()
        self._source_end()
        self.connection.lost(self)

    def attach(self, outgoing: Link, incoming: Link) -> None:
        """Both sides are up: pass on what came early."""
        self.outgoing = outgoing
        self.incoming = incoming
        early, self.early = self.early, []
        for data in early:
            outgoing.receive(data)
        if self.saw_end:
            outgoing.source_end()

    def abort(self) -> None:
        if self.transport is not None:
            self.transport.abort()

    def reset(self) -> None:
        if self.transport is not None:
            reset(self.transport)

    def _source_end(self) -> None:
        self.saw_end = True
        if self.outgoing is not None:
            self.outgoing.source_end()


class Connection:
    """What `chance` gives hangs on the seed, the proxy's name and the connection's ordinal alone."""

    __slots__ = ("_chance", "_dialling", "_keeper", "_open", "client", "links", "upstream")

    def __init__(self, keeper: Keeper, chance: Callable[[Direction, str], random.Random]) -> None:
        self._keeper = keeper
        self._chance = chance
        self._dialling: asyncio.Task[None] | None = None
        self._open = 0
        self.client = Endpoint(self)
        self.upstream = Endpoint(self)
        self.links: dict[Direction, Link] = {}

    def made(self, endpoint: Endpoint) -> None:
        """A side is connected: the client first, and then the upstream that was dialled for it."""
        assert endpoint.transport is not None
        self._open += 1
        if endpoint is self.client:
            # Nothing is read from the client before there is somewhere to put it.
            endpoint.transport.pause_reading()
            self._keeper.joined(self)
            self._dialling = asyncio.get_running_loop().create_task(self._dial())
            return
        client = self.client.transport
        if client is None or client.is_closing():
            endpoint.transport.abort()
            return
        self._link(client, endpoint.transport)
        client.resume_reading()

    def lost(self, endpoint: Endpoint) -> None:
        """A side is closed. The other follows through its link, or at once where there is none."""
        self._open -= 1
        if not self.links:
            self.close()
        if self._open == 0:
            for link in self.links.values():
                link.drop()
            self._keeper.left(self)

    def close(self) -> None:
        """Close both sides now, without waiting for peers that do not read."""
        if self._dialling is not None:
            self._dialling.cancel()
        if self.closes_with_reset():
            self.reset()
            return
        self.client.abort()
        self.upstream.abort()

    def reset(self) -> None:
        self.client.reset()
        self.upstream.reset()

    def closes_with_reset(self) -> bool:
        """Whether a toxic turns every close of this connection, in either direction, into a reset."""
        return any(stage.closes_with_reset() for link in self.links.values() for stage in link.stages)

    def _link(self, client: asyncio.Transport, upstream: asyncio.Transport) -> None:
        up = self._one_link("upstream", client, upstream)
        down = self._one_link("downstream", upstream, client)
        self.links = {"upstream": up, "downstream": down}
        up.start()
        down.start()
        self.client.attach(up, down)
        self.upstream.attach(down, up)

    def _one_link(self, direction: Direction, source: asyncio.Transport, sink: asyncio.Transport) -> Link:
        def chance(toxic_name: str) -> random.Random:
            return self._chance(direction, toxic_name)

        return Link(source=source, sink=sink, toxics=self._keeper.toxics_of(direction), chance=chance, cut=self)

    async def _dial(self) -> None:
        try:
            await self._keeper.dial(lambda: self.upstream)
        except (OSError, ValueError):
            self.client.abort()
        finally:
            self._dialling = None
