"""What the generator asks of whatever speaks HTTP for it. Another engine is one file and one line in `ENGINES`."""

from __future__ import annotations

import errno
from collections.abc import Callable
from typing import NamedTuple, Protocol

from chaos.model.requests import Failure

# What the generator's own machine has run out of: files, ports or memory.
OUR_LIMITS = frozenset({errno.EMFILE, errno.ENFILE, errno.EADDRNOTAVAIL, errno.ENOBUFS, errno.ENOMEM})


class Reply(NamedTuple):
    """What became of one request. `status` 0: no answer; `instance` is the answer's `X-Instance`; `unsent`: why this
    machine could not even send it, which is the generator's own limit and not the shop's fault."""

    failure: Failure
    status: int = 0
    instance: str = ""
    body: bytes = b""
    unsent: str = ""


Done = Callable[[Reply], None]


class Visitor(Protocol):
    """One customer's browser: keeps cookies, is never shared, and has one request at a time. Nothing is awaited: at ten
    thousand requests a second a coroutine and a future for each of them cost more than the request."""

    def ask(
        self, method: str, path: str, headers: dict[str, str], body: bytes | None, patience_s: float, done: Done
    ) -> None:
        """Send, and read the whole answer, within `patience_s`, connecting included. Redirects are not followed: a step
        is one request. `done` is called once, by the event loop and never before this returns, whatever the shop or the
        network does. It may ask again. Raises nothing that they can cause."""

    def leave(self) -> None:
        """The customer goes, and their connections are closed. What was asked and is not answered yet is given up:
        nobody is told."""


class Engine(Protocol):
    async def start(self, base_url: str) -> None:
        """Called once, inside the event loop. Raises: ValueError for a URL that it cannot speak to."""

    def visitor(self) -> Visitor:
        """A new customer."""

    async def close(self) -> None:
        """Close every connection."""
