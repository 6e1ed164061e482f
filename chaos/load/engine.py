"""What the generator asks of whatever speaks HTTP for it. Another engine is one file and one line in `ENGINES`."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from chaos.model.requests import Failure


class Reply(NamedTuple):
    """What became of one request. `status` 0: no answer; `instance` is the answer's `X-Instance`."""

    failure: Failure
    status: int = 0
    instance: str = ""
    body: bytes = b""


class CannotSend(Exception):
    """This machine has no file or port left for another connection: the generator's own limit, not the shop's fault."""


class Visitor(Protocol):
    """One customer's browser: keeps cookies, is never shared."""

    async def request(
        self, method: str, path: str, headers: dict[str, str], body: bytes | None, patience_s: float
    ) -> Reply:
        """Send, and read the whole answer, within `patience_s`, connecting included. Redirects are not followed: a step
        is one request. Raises: CannotSend; nothing else that the shop or the network can cause."""

    def leave(self) -> None:
        """The customer goes; connections of their own are closed."""


class Engine(Protocol):
    async def start(self, base_url: str) -> None:
        """Called once, inside the event loop. Raises: ValueError for a URL that it cannot speak to."""

    def visitor(self) -> Visitor:
        """A new customer."""

    async def close(self) -> None:
        """Close every connection."""
