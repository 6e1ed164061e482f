"""Fault proxy servers, ours and Shopify's, and real upstreams for them. Every test gets proxies of its own."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import shutil
import socket
import struct
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from chaos.proxy.client import ToxiproxyClient
from chaos.proxy.values import Stream, ToxicSpec

ROOT = Path(__file__).resolve().parents[2]


def shopify_binary() -> str | None:
    """SALEPROOF_TOXIPROXY, the checkout's .bin, or the PATH."""
    named = os.environ.get("SALEPROOF_TOXIPROXY")
    if named:
        return named
    return shutil.which(str(ROOT / ".bin" / "toxiproxy-server")) or shutil.which("toxiproxy-server")


@dataclass
class Server:
    """One running fault proxy server."""

    kind: str
    port: int
    process: subprocess.Popen[bytes]
    names: Iterator[int] = field(default_factory=itertools.count)

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def client(self) -> ToxiproxyClient:
        return ToxiproxyClient(self.address, timeout_s=8.0)

    def request(self, method: str, path: str, body: Any = None) -> tuple[int, str, bytes]:
        """Status, content type and body of a raw call."""
        data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"http://{self.address}{path}", data, method=method)
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return answer.status, answer.headers.get("Content-Type", ""), answer.read()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.headers.get("Content-Type", ""), error.read()


@dataclass
class Wire:
    """One proxy in front of one upstream, and short words for what tests do with it."""

    server: Server
    name: str
    port: int

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def connect(self, timeout_s: float = 10.0) -> socket.socket:
        sock = socket.create_connection(("127.0.0.1", self.port), timeout=timeout_s)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return sock

    def toxic(
        self, kind: str, stream: Stream = "downstream", toxicity: float = 1.0, name: str = "", **attributes: int
    ) -> ToxicSpec:
        spec = ToxicSpec(name=name or kind, type=kind, stream=stream, toxicity=toxicity, attributes=attributes)
        return self.server.client.add_toxic(self.name, spec)

    def change(self, name: str, body: dict[str, Any]) -> None:
        status, _, text = self.server.request("POST", f"/proxies/{self.name}/toxics/{name}", body)
        assert status == 200, text

    def remove(self, name: str) -> None:
        status, _, text = self.server.request("DELETE", f"/proxies/{self.name}/toxics/{name}")
        assert status == 204, text


def start_ours(folder: Path, *arguments: str) -> Server:
    port_file = folder / "port"
    log = (folder / "log").open("wb")
    process = subprocess.Popen(
        [sys.executable, "-m", "chaos.proxy.server", "--port", "0", "--port-file", str(port_file), *arguments],
        cwd=ROOT,
        stdout=log,
        stderr=log,
    )
    log.close()
    deadline = time.monotonic() + 20
    while not port_file.exists():
        if process.poll() is not None or time.monotonic() > deadline:
            process.kill()
            raise RuntimeError(f"the server did not start: {(folder / 'log').read_text()}")
        time.sleep(0.01)
    return Server("ours", int(port_file.read_text()), process)


def start_shopify(binary: str, log_file: Path) -> Server:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        port = sock.getsockname()[1]
    with log_file.open("wb") as log:
        process = subprocess.Popen([binary, "-host", "127.0.0.1", "-port", str(port)], stdout=log, stderr=log)
    deadline = time.monotonic() + 20
    while True:
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return Server("shopify", port, process)
        if process.poll() is not None or time.monotonic() > deadline:
            process.kill()
            raise RuntimeError("Shopify's toxiproxy-server did not start")
        time.sleep(0.01)


def revive(server: Server, folder: Path) -> bool:
    """Start a server that has crashed anew; whether it had. Shopify's panics now and then, in toxic_collection.go, when
    toxics change while a connection opens: it fails the test that it happens to, not all those after it."""
    if server.process.poll() is None:
        return False
    binary = shopify_binary()
    assert server.kind == "shopify"
    assert binary is not None
    again = start_shopify(binary, folder / "log-again")
    server.port, server.process = again.port, again.process
    return True


def stop(server: Server) -> None:
    server.process.terminate()
    try:
        server.process.wait(timeout=5)
    except subprocess.TimeoutExpired:
        server.process.kill()
        server.process.wait(timeout=5)


@pytest.fixture(scope="session")
def _ours(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("ours")
    server = start_ours(folder, "--seed", "7")
    yield server
    stop(server)
    # What goes wrong in a timer or a callback is felt by no client, and is a bug all the same.
    wrong = [line for line in (folder / "log").read_text().splitlines() if " ERROR " in line or "Traceback" in line]
    assert not wrong, "\n".join(wrong[:10])


@pytest.fixture(scope="session")
def _shopify(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    binary = shopify_binary()
    if binary is None:
        reason = (
            "Shopify's toxiproxy-server is not there: nothing to compare with. Build it with `go install "
            "github.com/Shopify/toxiproxy/v2/cmd/server@v2.12.0` and put it at .bin/toxiproxy-server, or name it in "
            "SALEPROOF_TOXIPROXY"
        )
        if os.environ.get("SALEPROOF_REQUIRE_TOXIPROXY") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    server = start_shopify(binary, tmp_path_factory.mktemp("shopify") / "log")
    yield server
    stop(server)


@pytest.fixture
def ours(_ours: Server) -> Server:
    """Our server."""
    return _ours


@pytest.fixture
def shopify(_shopify: Server, tmp_path: Path) -> Server:
    """Shopify's server; skipped, or failed, where there is none."""
    revive(_shopify, tmp_path)
    return _shopify


@pytest.fixture(params=["ours", "shopify"])
def server(request: pytest.FixtureRequest) -> Server:
    """Each in turn: what is tested with this holds for both."""
    found: Server = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[Callable[..., Server]]:
    """Our server for one test alone, with arguments of its own."""
    started: list[Server] = []

    def start(*arguments: str) -> Server:
        folder = tmp_path / f"server-{len(started)}"
        folder.mkdir()
        started.append(start_ours(folder, *arguments))
        return started[-1]

    yield start
    for one in started:
        stop(one)


Handler = Callable[[socket.socket], None]


class Upstream:
    """A real TCP server: a thread for each connection, which runs the handler."""

    def __init__(self, handler: Handler) -> None:
        self._handler = handler
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
        self.port: int = self._listener.getsockname()[1]
        self.accepted: list[socket.socket] = []
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.accepted.append(sock)
            threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def _serve(self, sock: socket.socket) -> None:
        with contextlib.suppress(OSError):
            self._handler(sock)

    def wait_accepted(self, count: int = 1) -> socket.socket:
        deadline = time.monotonic() + 10
        while len(self.accepted) < count:
            assert time.monotonic() < deadline, "nobody connected"
            time.sleep(0.005)
        return self.accepted[count - 1]

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for sock in self.accepted:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
            sock.close()


def echo(sock: socket.socket) -> None:
    while data := sock.recv(65536):
        sock.sendall(data)
    sock.close()


def number_server(sock: socket.socket) -> None:
    """Answers 8 bytes, a number, with so many bytes."""
    while head := sock.recv(8, socket.MSG_WAITALL):
        sock.sendall(bytes(struct.unpack("!q", head)[0]))
    sock.close()


def silent(sock: socket.socket) -> None:
    """Accepts, and neither reads nor writes."""


HANDLERS: dict[str, Handler] = {"echo": echo, "number": number_server, "silent": silent}


@pytest.fixture
def upstream() -> Iterator[Callable[[str | Handler], Upstream]]:
    """Start an upstream by the name of a handler above, or with a handler of the test's own."""
    started: list[Upstream] = []

    def start(handler: str | Handler = "echo") -> Upstream:
        started.append(Upstream(HANDLERS[handler] if isinstance(handler, str) else handler))
        return started[-1]

    yield start
    for one in started:
        one.close()


@pytest.fixture
def wire(upstream: Callable[..., Upstream]) -> Iterator[Callable[..., Wire]]:
    """Make a proxy on a server, in front of an upstream (an echo without one)."""
    made: list[tuple[Server, str]] = []

    def make(server: Server, target: str | None = None) -> Wire:
        name = f"wire-{os.getpid()}-{next(server.names)}"
        state = server.client.create(name, "127.0.0.1:0", target or upstream("echo").address)
        made.append((server, name))
        return Wire(server, name, int(state.listen.rpartition(":")[2]))

    yield make
    for server, name in made:
        with contextlib.suppress(Exception):
            server.request("DELETE", f"/proxies/{name}")
