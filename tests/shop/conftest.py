"""A real shop for each module of tests, with relays in front of its dependencies that can be slowed and silenced."""

from __future__ import annotations

import asyncio
import http.cookies
import json
import threading
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
import pytest

from targets.shop.local import LocalShop, free_port

DEPENDENCIES = ("db", "replica", "cache", "payments")


class Relay:
    """Passes TCP on to `127.0.0.1:target`. `delay_s` holds every answer back; `silent` swallows all of them."""

    def __init__(self, target: int) -> None:
        self.port = free_port()
        self.target = target
        self.delay_s = 0.0
        self.silent = False
        self.open: set[asyncio.StreamWriter] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result(5)

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def heal(self) -> None:
        """Pass everything on again; what was swallowed is gone, so its connections end."""
        was_silent, self.silent, self.delay_s = self.silent, False, 0.0
        if was_silent:
            self._loop.call_soon_threadsafe(lambda: [writer.close() for writer in list(self.open)])

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)

    async def _listen(self) -> None:
        await asyncio.start_server(self._accept, "127.0.0.1", self.port)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.open.add(writer)
        with suppress(OSError):
            upstream_reader, upstream_writer = await asyncio.open_connection("127.0.0.1", self.target)
            self.open.add(upstream_writer)
            await asyncio.gather(
                self._pass(reader, upstream_writer, answers=False), self._pass(upstream_reader, writer, answers=True)
            )
        writer.close()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, answers: bool) -> None:
        with suppress(OSError):
            while data := await reader.read(65536):
                if answers and self.delay_s:
                    await asyncio.sleep(self.delay_s)
                if self.silent:
                    continue
                writer.write(data)
                await writer.drain()
        self.open.discard(writer)
        writer.close()


@dataclass
class Answer:
    """What came back. `status` 0: nothing did."""

    status: int
    body: bytes
    headers: dict[str, str]
    seconds: float

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Shop:
    """A running shop and its relays."""

    local: LocalShop
    relays: dict[str, Relay]
    entry: str = "edge"
    stack: ExitStack = field(default_factory=ExitStack)

    def ask(
        self,
        path: str,
        *,
        method: str = "GET",
        body: object = None,
        headers: dict[str, str] | None = None,
        at: str | None = None,
        timeout: float = 15,
    ) -> Answer:
        """One request for JSON; redirects are not followed."""
        data = None if body is None else json.dumps(body).encode()
        sent = {
            "Accept": "application/json",
            **({"Content-Type": "application/json"} if data else {}),
            **(headers or {}),
        }
        request = urllib.request.Request(self.local.url(at or self.entry, path), data, sent, method=method)
        started = time.perf_counter()
        try:
            with urllib.request.urlopen(request, timeout=timeout) as answer:
                found = Answer(answer.status, answer.read(), dict(answer.headers), 0.0)
        except urllib.error.HTTPError as refused:
            found = Answer(refused.code, refused.read(), dict(refused.headers), 0.0)
        except OSError as error:
            found = Answer(0, str(error).encode(), {}, 0.0)
        found.headers = {name.lower(): value for name, value in found.headers.items()}
        found.seconds = time.perf_counter() - started
        return found

    def customer(self) -> Customer:
        return Customer(self)

    def sql(self, query: str, *args: object, node: str = "db") -> list[tuple[Any, ...]]:
        """As the database's owner."""
        with psycopg.connect(
            self.local.dsn(node=node, user="postgres"), autocommit=True, connect_timeout=5
        ) as connection:
            cursor = connection.execute(query, args)
            return cursor.fetchall() if cursor.description else []

    def metric(self, name: str, at: str = "web-1") -> float:
        """The sum over all samples of `name` (with its labels, or without) on one instance."""
        text = self.ask("/metrics", at=at).body.decode()
        lines = [line for line in text.splitlines() if line.startswith(name) and line[len(name)] in " {,"]
        return sum(float(line.rpartition(" ")[2]) for line in lines)


@dataclass
class Customer:
    """Somebody with a session."""

    shop: Shop
    cookie: str = ""

    def put(self, product: int, quantity: int = 1) -> Answer:
        answer = self.shop.ask(
            "/cart", method="POST", body={"product_id": product, "quantity": quantity}, headers={"Cookie": self.cookie}
        )
        if "set-cookie" in answer.headers:
            morsel = http.cookies.SimpleCookie(answer.headers["set-cookie"])["shop_session"]
            self.cookie = f"shop_session={morsel.value}"
        return answer

    def checkout(self, key: str | None = None) -> Answer:
        headers = {"Cookie": self.cookie, "Idempotency-Key": key or uuid.uuid4().hex}
        return self.shop.ask("/checkout", method="POST", headers=headers)

    def buy(self, product: int) -> Answer:
        self.put(product)
        return self.checkout()


@pytest.fixture(scope="module")
def open_shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Shop]]:
    """Start a shop: `open_shop(web=1, SHOP_CACHE="off")`. All of them end with the module."""
    with ExitStack() as stack:

        def start(*, web: int = 1, parts: tuple[str, ...] | None = None, **switches: str) -> Shop:
            local = LocalShop(Path(tmp_path_factory.mktemp("shop")), web=web, switches=switches)
            relays = {name: Relay(local.ports[name]) for name in DEPENDENCIES}
            for relay in relays.values():
                stack.callback(relay.close)
            local.through = {name: relay.address for name, relay in relays.items()}
            stack.enter_context(local)
            shop = Shop(local, relays)
            if parts is None:
                parts = ("db", "replica", "cache", "payments", *local.webs, "edge")
            if "edge" not in parts:
                shop.entry = "web-1"
            local.start(*parts)
            return shop

        yield start


def eventually(true: Callable[[], object], within_s: float = 20.0) -> None:
    """Wait until `true()`. Fails when it stays untrue for `within_s`."""
    give_up = time.monotonic() + within_s
    while not true():
        assert time.monotonic() < give_up, "it did not happen in time"
        time.sleep(0.1)


@pytest.fixture(name="eventually", scope="session")
def _eventually() -> Callable[..., None]:
    return eventually
