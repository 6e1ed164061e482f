"""The client, against both servers, and against servers that misbehave."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

import pytest

from chaos.errors import UsageError
from chaos.proxy.client import ToxiproxyClient
from chaos.proxy.errors import ProxyNotFound, ProxyRefused, ProxyUnavailable
from chaos.proxy.values import ProxyState, ToxicSpec

pytestmark = pytest.mark.integration

Make = Callable[..., Any]
LATENCY = ToxicSpec(name="saleproof-1", type="latency", attributes={"latency": 5})


def test_a_toxic_is_added_read_back_and_removed(server: Any, wire: Make) -> None:
    """What comes back has every attribute; removing twice is fine."""
    client, name = server.client, wire(server).name
    added = client.add_toxic(name, LATENCY)
    assert added.attributes == {"latency": 5, "jitter": 0}
    assert client.toxic(name, "saleproof-1") == added
    assert client.proxy(name).toxic("saleproof-1") == added
    client.remove_toxic(name, "saleproof-1")
    assert client.toxic(name, "saleproof-1") is None
    client.remove_toxic(name, "saleproof-1")
    client.remove_toxic("no such proxy", "saleproof-1")


def test_a_misspelt_attribute_is_caught(server: Any, wire: Make) -> None:
    """The server drops it silently; the client says so, with the nearest name, and leaves no toxic behind."""
    name = wire(server).name
    with pytest.raises(ProxyRefused, match=r"dropped the attribute 'latncy'.*Did you mean 'latency'"):
        server.client.add_toxic(name, ToxicSpec(name="t", type="latency", attributes={"latncy": 5}))
    assert server.client.proxy(name).toxics == ()


def test_toxicity_survives_the_float32(server: Any, wire: Make) -> None:
    """A third is read back as nearly a third."""
    spec = ToxicSpec(name="t", type="latency", toxicity=1 / 3, attributes={"latency": 1})
    assert server.client.add_toxic(wire(server).name, spec).toxicity == pytest.approx(1 / 3, abs=1e-6)


def test_refusals_are_typed(server: Any, wire: Make) -> None:
    """An unknown proxy, an unknown type, a taken name."""
    client, made = server.client, wire(server)
    with pytest.raises(ProxyNotFound, match="proxy not found"):
        client.add_toxic("nobody", LATENCY)
    with pytest.raises(ProxyNotFound):
        client.set_enabled("nobody", True)
    with pytest.raises(ProxyRefused, match="invalid toxic type"):
        client.add_toxic(made.name, ToxicSpec(name="t", type="latancy"))
    with pytest.raises(ProxyRefused, match="proxy already exists"):
        client.create(made.name, "127.0.0.1:0", "127.0.0.1:1")
    with pytest.raises(ProxyUnavailable, match="500"):
        client.create("late", made.address, "127.0.0.1:1")
    assert client.proxy("nobody") is None
    client.delete("nobody")


def test_two_clients_keep_their_servers_apart(own_server: Make) -> None:
    """The library under it would send both to the same one."""
    clients = [own_server().client, own_server().client]
    clients[0].create("first", "127.0.0.1:0", "127.0.0.1:1")
    clients[1].create("second", "127.0.0.1:0", "127.0.0.1:1")
    assert [list(client.proxies()) for client in clients] == [["first"], ["second"]]


def test_an_http_proxy_of_the_environment_is_ignored(ours: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The control API is spoken to directly."""
    for key in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(key, "http://127.0.0.1:9")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    assert "saleproof" in ours.client.version()


def test_nobody_there_is_unavailable() -> None:
    """Exit code 69, and the address."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(ProxyUnavailable, match=f"127.0.0.1:{port}") as caught:
        ToxiproxyClient(f"127.0.0.1:{port}").proxies()
    assert caught.value.exit_code == 69


def test_a_server_that_does_not_answer_times_out() -> None:
    """Every call has a timeout."""
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        started = time.monotonic()
        with pytest.raises(ProxyUnavailable, match=r"within 0.3 s"):
            ToxiproxyClient(f"127.0.0.1:{deaf.getsockname()[1]}", timeout_s=0.3).version()
        assert time.monotonic() - started < 3


def test_a_server_that_says_nothing_at_all_is_given_up_soon() -> None:
    """The ways around a stuck proxy all need the server: two timeouts, not one for each of their calls."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        client = ToxiproxyClient(f"127.0.0.1:{silent.getsockname()[1]}", timeout_s=0.5)
        known = ProxyState(name="x", listen="127.0.0.1:1", upstream="127.0.0.1:2", enabled=True, toxics=(LATENCY,))
        began = time.monotonic()
        with pytest.raises(ProxyUnavailable, match="did not answer"):
            client.remove_toxic("x", LATENCY.name, known=known)
        assert time.monotonic() - began < 2


@pytest.mark.parametrize("address", ["", "localhost", "127.0.0.1:", ":8474", "127.0.0.1:http"])
def test_a_bad_address_is_a_usage_error(address: str) -> None:
    """It says what to write."""
    with pytest.raises(UsageError, match="host:port"):
        ToxiproxyClient(address)


def test_importing_the_client_is_light() -> None:
    """Neither requests nor toxiproxy nor aiohttp come with it."""
    code = (
        "import sys, chaos.proxy.client, chaos.proxy.confirm\n"
        "sys.exit(','.join({'requests', 'toxiproxy', 'aiohttp', 'uvloop'} & set(sys.modules)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=False)
    assert (done.returncode, done.stderr) == (0, "")


class Odd(BaseHTTPRequestHandler):
    """A Toxiproxy with one proxy and one toxic, which misbehaves as told. It keeps the state in the class."""

    answers: ClassVar[list[str]] = []
    toxics: ClassVar[list[dict[str, Any]]] = []
    enabled: ClassVar[bool] = True
    exists: ClassVar[bool] = True
    calls: ClassVar[list[str]] = []
    # What cures it: "disable", "recreate" or nothing.
    cure: ClassVar[str] = ""
    fails: ClassVar[str] = "503"

    def log_message(self, format: str, *args: object) -> None: ...

    def answer(self, status: int, value: Any = None) -> None:
        body = b"" if value is None else json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def state(self) -> dict[str, Any]:
        cls = type(self)
        return {
            "name": "p",
            "listen": "127.0.0.1:1",
            "upstream": "127.0.0.1:2",
            "enabled": cls.enabled,
            "toxics": cls.toxics,
        }

    def handle_any(self) -> None:
        cls = type(self)
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)) or b"{}")
        cls.calls.append(f"{self.command} {self.path}")
        if self.path == "/proxies" and self.command == "POST":
            cls.exists, cls.toxics, cls.enabled = True, [], body["enabled"]
            return self.answer(201, self.state())
        if not cls.exists:
            return self.answer(404, {"error": "proxy not found", "status": 404})
        if self.path == "/proxies/p/toxics" and self.command == "POST":
            cls.toxics.append(body)
            return self.answer(200, body)
        if self.path == "/proxies/p":
            if self.command == "DELETE":
                cls.exists = False
                return self.answer(204)
            if self.command == "POST":
                cls.enabled = body["enabled"]
            return self.answer(200, self.state())
        name = self.path.rpartition("/")[2]
        found = [toxic for toxic in cls.toxics if toxic["name"] == name]
        if not found:
            return self.answer(404, {"error": "toxic not found", "status": 404})
        if self.command == "GET":
            return self.answer(200, found[0])
        if cls.cure == "disable" and not cls.enabled:
            cls.toxics.remove(found[0])
            return self.answer(204)
        if cls.fails == "lies":
            return self.answer(204)
        return self.answer(503)

    do_GET = do_POST = do_DELETE = handle_any


@pytest.fixture
def odd() -> Iterator[type[Odd]]:
    kind: Any = type("Odd1", (Odd,), {"toxics": [], "calls": [], "enabled": True, "exists": True})
    for name in ("t", "other"):
        kind.toxics.append(
            {"name": name, "type": "latency", "stream": "downstream", "toxicity": 1, "attributes": {"latency": 1}}
        )
    httpd = ThreadingHTTPServer(("127.0.0.1", 0), kind)
    kind.client = ToxiproxyClient(f"127.0.0.1:{httpd.server_port}")
    threading.Thread(target=httpd.serve_forever, daemon=True).start()
    yield kind
    httpd.shutdown()
    httpd.server_close()


@pytest.mark.parametrize("fails", ["503", "lies"])
def test_a_stuck_toxic_is_freed_by_disabling(odd: Any, fails: str) -> None:
    """A DELETE that fails, or only says that it worked: disable, delete, enable; the other toxic stays."""
    odd.fails, odd.cure = fails, "disable"
    odd.client.remove_toxic("p", "t")
    assert [toxic["name"] for toxic in odd.toxics] == ["other"]
    assert odd.enabled
    assert "DELETE /proxies/p" not in odd.calls


@pytest.mark.parametrize("fails", ["503", "lies"])
def test_the_last_rescue_makes_the_proxy_anew(odd: Any, fails: str) -> None:
    """With its other toxics, and enabled as it was."""
    odd.fails = fails
    odd.client.remove_toxic("p", "t")
    assert [toxic["name"] for toxic in odd.toxics] == ["other"]
    assert odd.enabled
    assert odd.calls.count("DELETE /proxies/p") == 1


def test_a_toxic_that_stays_is_an_error(odd: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no way helps, it says that it may still be there."""
    monkeypatch.setattr(ToxiproxyClient, "delete", lambda *_: (_ for _ in ()).throw(ProxyUnavailable("down")))
    with pytest.raises(ProxyUnavailable, match="toxic 't' of 'p' could not be removed"):
        odd.client.remove_toxic("p", "t")


def test_a_real_stuck_server_is_rescued(server: Any, wire: Make, upstream: Make) -> None:
    """Shopify/toxiproxy#558 for real: a peer stopped reading under a toxic. Ours is not stuck; Shopify's comes free."""

    def pour(sock: socket.socket) -> None:
        while True:
            sock.sendall(bytes(65536))

    made = wire(server, upstream(pour).address)
    client = ToxiproxyClient(server.address, timeout_s=1.0)
    keep = ToxicSpec(name="keep", type="latency", stream="upstream", attributes={"latency": 3})
    client.add_toxic(made.name, keep)
    client.add_toxic(made.name, ToxicSpec(name="t", type="bandwidth", attributes={"rate": 100_000}))
    known: ProxyState | None = client.proxy(made.name)
    with made.connect(), made.connect():
        time.sleep(0.7)
        client.remove_toxic(made.name, "t", known=known)
        state = client.proxy(made.name)
        assert state is not None
        assert [toxic.name for toxic in state.toxics] == ["keep"]
        assert state.enabled
        assert state.listen == made.address
