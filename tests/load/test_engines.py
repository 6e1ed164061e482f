"""Every engine, against a real server: the same answers, and the same words for what went wrong."""

from __future__ import annotations

import asyncio
import contextlib
import resource
import socket
import struct
import time
from collections.abc import Awaitable, Callable

import pytest

from chaos.load.engine import Engine, Reply, Visitor
from chaos.load.generator import ENGINES
from chaos.model.requests import Failure
from tests.load.customers import Shop

pytestmark = [pytest.mark.integration, pytest.mark.parametrize("name", list(ENGINES))]


def with_engine(name: str, url: str, use: Callable[[Engine], Awaitable[None]]) -> None:
    async def whole() -> None:
        engine = ENGINES[name]()
        await engine.start(url)
        try:
            await use(engine)
        finally:
            await engine.close()

    asyncio.run(whole())


async def answer(
    visitor: Visitor, method: str, path: str, headers: dict[str, str], body: bytes | None, patience_s: float
) -> Reply:
    """What the visitor is told, once."""
    told: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
    visitor.ask(method, path, headers, body, patience_s, told.set_result)
    assert not told.done(), "never before it returns"
    return await told


def get(name: str, url: str, *paths: str, patience_s: float = 10.0) -> list[Reply]:
    """One customer asks for one path after the other."""
    replies: list[Reply] = []

    async def use(engine: Engine) -> None:
        visitor = engine.visitor()
        for path in paths:
            replies.append(await answer(visitor, "GET", path, {}, None, patience_s))
        visitor.leave()

    with_engine(name, url, use)
    return replies


def test_an_answer_has_its_status_its_instance_and_its_whole_body(name: str, shop: Shop) -> None:
    """In one piece or in chunks, good or bad, with the connection kept or closed."""
    home, chunked, parting, gone = get(name, shop.url, "/", "/chunked", "/parting", "/status/503")
    assert (home.failure, home.status, home.instance) == (Failure.NONE, 200, "web-1")
    assert home.body.startswith(b'{"id":')
    assert chunked.body == b'{"id": 5}'
    assert parting.status == 200
    assert (gone.failure, gone.status, gone.body) == (Failure.NONE, 503, b"x")


def test_each_customer_has_cookies_of_their_own(name: str, shop: Shop) -> None:
    """Kept from the first answer on, sent back, never mixed up, deleted when the shop says so."""

    async def use(engine: Engine) -> None:
        one, two = engine.visitor(), engine.visitor()
        for visitor in (one, two, one, two, one):
            await answer(visitor, "GET", "/", {}, None, 10.0)
        await answer(one, "GET", "/forget", {}, None, 10.0)
        await answer(one, "GET", "/status/200", {}, None, 10.0)

    with_engine(name, shop.url, use)
    sent = [entry["cookie"] for entry in shop.log()]
    assert sent[:2] == ["", ""]
    assert sent[2] == sent[4] == sent[5] != sent[3]
    assert all(cookie.startswith("session=s") for cookie in sent[2:6])
    assert sent[6] == ""


def test_a_body_and_headers_arrive(name: str, shop: Shop) -> None:
    """As they were given."""

    async def use(engine: Engine) -> None:
        reply = await answer(
            engine.visitor(),
            "POST",
            "/order?x=%20y",
            {"Idempotency-Key": "k", "Content-Type": "application/json"},
            b'{"a": 1}',
            10.0,
        )
        assert reply.status == 201

    with_engine(name, shop.url, use)
    entry = shop.log()[0]
    assert (entry["method"], entry["path"], entry["key"], entry["body"]) == ("POST", "/order?x=%20y", "k", '{"a": 1}')


def test_who_waits_too_long_gives_up(name: str, shop: Shop) -> None:
    """After the patience, neither much before nor much after."""
    started_s = time.monotonic()
    (reply,) = get(name, shop.url, "/slow?s=30", patience_s=0.5)
    assert reply.failure is Failure.PATIENCE
    assert 0.45 < time.monotonic() - started_s < 5.0


def test_a_frozen_server_is_a_matter_of_patience(name: str, shop: Shop) -> None:
    """Its kernel still accepts connections."""
    shop.freeze()
    assert get(name, shop.url, "/", patience_s=0.3)[0].failure is Failure.PATIENCE


def test_nobody_there_is_refused(name: str, nobody: str) -> None:
    """At once."""
    assert get(name, nobody, "/")[0] == Reply(Failure.REFUSED)


@pytest.mark.parametrize("path", ["/reset", "/cut"])
def test_a_connection_that_breaks_is_a_reset(name: str, path: str, shop: Shop) -> None:
    """Before the answer or in the middle of it; the customer's next request works."""
    broken, fine = get(name, shop.url, path, "/")
    assert broken.failure is Failure.RESET
    assert fine.failure is Failure.NONE


def test_a_reset_at_the_kernel_is_a_reset(name: str) -> None:
    """A real RST, as a fault proxy sends it."""

    async def serve(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        linger = struct.pack("ii", 1, 0)
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        writer.transport.abort()

    async def whole() -> None:
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        engine = ENGINES[name]()
        await engine.start(f"http://127.0.0.1:{port}")
        reply = await answer(engine.visitor(), "POST", "/", {}, b"x", 5.0)
        await engine.close()
        server.close()
        assert reply.failure is Failure.RESET

    asyncio.run(whole())


def test_what_is_not_http_is_another_failure(name: str) -> None:
    """It is neither an answer nor a reset."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.write(b"SSH-2.0-OpenSSH_9\r\n\r\n")
        await writer.drain()
        writer.close()

    async def whole() -> None:
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        engine = ENGINES[name]()
        await engine.start(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
        reply = await answer(engine.visitor(), "GET", "/", {}, None, 5.0)
        await engine.close()
        server.close()
        assert (reply.failure, reply.status) == (Failure.OTHER, 0)

    asyncio.run(whole())


def test_a_connection_closed_while_reading_is_opened_again(name: str) -> None:
    """A server may close a kept connection between two requests: no customer sees that."""
    served = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal served
        await reader.readuntil(b"\r\n\r\n")
        served += 1
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()
        writer.close()

    async def whole() -> None:
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        engine = ENGINES[name]()
        await engine.start(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
        visitor = engine.visitor()
        for _ in range(3):
            assert (await answer(visitor, "GET", "/", {}, None, 5.0)).status == 200
        await engine.close()
        server.close()

    asyncio.run(whole())
    assert served == 3


def test_running_out_of_files_is_the_generators_fault(name: str, shop: Shop) -> None:
    """It must not be counted against the shop."""

    async def use(engine: Engine) -> None:
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        held = []
        resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))
        try:
            with contextlib.suppress(OSError):
                while True:
                    held.append(socket.socket())
            reply = await answer(engine.visitor(), "GET", "/", {}, None, 5.0)
            assert reply.unsent, reply
            assert reply.failure is Failure.UNFINISHED
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
            for one in held:
                one.close()

    with_engine(name, shop.url, use)


def test_an_address_that_it_cannot_speak_to_is_refused_at_once(name: str) -> None:
    """Before any customer comes."""
    with pytest.raises(ValueError, match="ftp://x"):
        with_engine(name, "ftp://x", lambda _: asyncio.sleep(0))
