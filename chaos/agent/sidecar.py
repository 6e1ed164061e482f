"""`sidecar`: the main process of a container that shares a caller's network, where it keeps a fault proxy for the
caller's links, and the redirect that leads to it.

Which links is said by the file `LINKS`, which `divert` writes; what has become of it is in the file `STATE`. It ends,
and takes the redirect away, when its proxy ends, when the caller's network is gone, and on SIGTERM.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chaos.agent import redirect
from chaos.agent.names import Names
from chaos.errors import SaleproofError, Unavailable

if TYPE_CHECKING:
    from chaos.proxy.client import ToxiproxyClient

FOLDER = Path("/run/saleproof")
LINKS, STATE, PORT = FOLDER / "links.json", FOLDER / "state.json", FOLDER / "port"
# Each time the redirect is renewed, and the entries are made to last `redirect.FORGOTTEN_S`.
LOOK_EVERY_S = 0.5
# A proxy that does not answer for so long is not one that traffic should be led to.
ANSWER_S = 1.0
START_WITHIN_S = 10.0
END_WITHIN_S = 3.0
# Whoever started a sidecar that cannot do its work reads why within this; then it goes away.
READ_WITHIN_S = 20.0


def run(*, uid: int) -> dict[str, Any]:
    """Until one of these ends it. `uid` is the proxy's own user; nobody else in the caller's network may have it."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    ending = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ending.set())
    proxy = None
    try:
        proxy = _start(uid)
        redirect.install(uid)
    except SaleproofError as cause:
        _write(STATE, {"uid": uid, "api_port": 0, "error": str(cause), "links": {}})
        ending.wait(READ_WITHIN_S)
        _end(proxy)
        raise
    try:
        return {"ended": Sidecar(proxy, uid, ending).keep()}
    finally:
        redirect.remove()
        _end(proxy)


def _end(proxy: subprocess.Popen[bytes] | None) -> None:
    if proxy is not None:
        proxy.terminate()
        try:
            proxy.wait(timeout=END_WITHIN_S)
        except subprocess.TimeoutExpired:
            proxy.kill()


def _start(uid: int) -> subprocess.Popen[bytes]:
    """Our fault proxy, once it answers. Raises: Unavailable."""
    FOLDER.chmod(0o777)  # for the file with its port; nobody else is in this container
    words = [sys.executable, "-m", "chaos.proxy.server", "--port", "0", "--port-file", str(PORT)]
    proxy = subprocess.Popen(words, user=uid, group=uid, extra_groups=(), stdout=sys.stderr)
    until_s = time.monotonic() + START_WITHIN_S
    while not PORT.exists():
        if proxy.poll() is not None or time.monotonic() > until_s:
            proxy.kill()
            raise Unavailable("the fault proxy does not start")
        time.sleep(0.02)
    return proxy


class Sidecar:
    """Looks again and again at what is wanted, what the names mean, and whether the proxy answers."""

    def __init__(self, proxy: subprocess.Popen[bytes], uid: int, ending: threading.Event) -> None:
        from chaos.proxy.client import ToxiproxyClient

        self._process, self._uid, self._ending = proxy, uid, ending
        self._api_port = int(PORT.read_text())
        self._api: ToxiproxyClient = ToxiproxyClient(f"127.0.0.1:{self._api_port}", timeout_s=ANSWER_S)
        self._names = Names()
        self._ports: dict[str, int] = {}  # link -> port of its proxy

    def keep(self) -> str:
        """Why it ended."""
        while not self._ending.is_set():
            if self._process.poll() is not None:
                return "its fault proxy died"
            if not _has_network():
                return "the caller's network is gone"
            self._look()
            self._ending.wait(LOOK_EVERY_S)
        return "told to end"

    def _look(self) -> None:
        wanted = _read(LINKS)
        error = ""
        try:
            self._api.version()
            self._follow(wanted)
        except SaleproofError as cause:
            # Not renewed: the kernel forgets the entries, and traffic goes its own way until the proxy answers again.
            error = str(cause)
        else:
            error = self._renew(wanted)
        _write(STATE, {"uid": self._uid, "api_port": self._api_port, "error": error, "links": self._state(wanted)})

    def _follow(self, wanted: dict[str, Any]) -> None:
        """A proxy for each link that is wanted, and no others. Raises: Unavailable."""
        self._names.want((one["host"], one["outside"]) for one in wanted.values())
        for name in [name for name in self._ports if name not in wanted]:
            self._api.delete(name)
            del self._ports[name]
        for name in (name for name in wanted if name not in self._ports):
            made = self._api.create(name, "127.0.0.1:0", f"{wanted[name]['host']}:{wanted[name]['port']}")
            self._ports[name] = int(made.listen.rpartition(":")[2])

    def _renew(self, wanted: dict[str, Any]) -> str:
        entries = {
            (address, one["port"]): self._ports[name]
            for name, one in wanted.items()
            for address in self._names.addresses(one["host"])
        }
        try:
            redirect.renew(entries)
        except SaleproofError as cause:
            return str(cause)
        return ""

    def _state(self, wanted: dict[str, Any]) -> dict[str, Any]:
        return {
            name: one
            | {
                "listen": self._ports.get(name, 0),
                "addresses": self._names.addresses(one["host"]),
                "ipv6": self._names.has_ipv6(one["host"]),
            }
            for name, one in wanted.items()
        }


def _has_network() -> bool:
    """The engine takes a container's devices away when it stops, though its network lives on as long as we are in it.
    Tunnels and the like may be there in every network: it is the Ethernet devices that count."""
    lines = Path("/proc/self/net/dev").read_text().splitlines()[2:]
    return any(line.partition(":")[0].strip().startswith(("eth", "en", "veth")) for line in lines)


def _read(path: Path) -> dict[str, Any]:
    with contextlib.suppress(OSError, ValueError):
        found: dict[str, Any] = json.loads(path.read_text())
        return found
    return {}


def _write(path: Path, value: dict[str, Any]) -> None:
    """Whoever reads it sees the whole of it."""
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    fresh.write_text(json.dumps(value))
    fresh.replace(path)
