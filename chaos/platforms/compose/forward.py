"""The engine's machine over the user's own ssh: its socket, and the ports that it keeps on its loopback.

One ssh for each, which carries any number of connections; the SDK's own way starts one for every call.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

from chaos.errors import Unavailable

CONNECTS_WITHIN_S = 15.0
LOOK_AGAIN_S = 0.02
ENGINE_SOCKET = "/var/run/docker.sock"
# sun_path of unix(7), with its final zero.
PATH_BYTES_MAX = 107


class Forward:
    """One ssh. It runs `cat` on the far side, which ends when this process does, however it ends: nothing stays."""

    def __init__(self, host: str, local: str, remote: str, connect: Callable[[], None]) -> None:
        options = ["BatchMode=yes", "ExitOnForwardFailure=yes", "StreamLocalBindUnlink=yes", "ConnectTimeout=10"]
        words = [word for option in options for word in ("-o", option)]
        self._process = subprocess.Popen(
            ["ssh", *words, "-L", f"{local}:{remote}", *_where(host), "cat"],
            stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True,
        )  # fmt: skip
        self._wait(host, connect)

    def _wait(self, host: str, connect: Callable[[], None]) -> None:
        until_s = time.monotonic() + CONNECTS_WITHIN_S
        while True:
            with contextlib.suppress(OSError):
                connect()
                return
            if self._process.poll() is not None:
                assert self._process.stderr is not None
                said = self._process.stderr.read().decode(errors="replace").strip().splitlines()
                raise Unavailable(f"{host}: ssh does not get there: {said[-1] if said else 'it ended'}")
            if time.monotonic() > until_s:
                self._process.kill()
                raise Unavailable(f"{host}: ssh does not get there within {CONNECTS_WITHIN_S:g} s")
            time.sleep(LOOK_AGAIN_S)

    def alive(self) -> bool:
        return self._process.poll() is None


def _where(host: str) -> list[str]:
    parts = urlsplit(host)
    port = ["-p", str(parts.port)] if parts.port else []
    user = ["-l", parts.username] if parts.username else []
    return [*port, *user, "--", parts.hostname or ""]


_forwards: dict[tuple[str, str], tuple[str, Forward]] = {}
_lock = threading.Lock()


def port(host: str, number: int) -> str:
    """host:port here that leads to `127.0.0.1:number` on the machine of `ssh://...`; one a process.

    Raises: Unavailable.
    """
    with _lock:
        address, found = _forwards.get((host, str(number)), ("", None))
        if found is None or not found.alive():
            with socket.create_server(("127.0.0.1", 0)) as free:
                local = int(free.getsockname()[1])
            address = f"127.0.0.1:{local}"
            new = Forward(
                host, address, f"127.0.0.1:{number}", lambda: socket.create_connection(("127.0.0.1", local), 1).close()
            )
            _forwards[(host, str(number))] = (address, new)
        return address


def engine(host: str) -> str:
    """unix://... here that leads to the engine's socket on the machine of `ssh://...`; one a process.

    In a private folder: whoever reaches it is root over there. Raises: Unavailable.
    """
    remote = urlsplit(host).path or ENGINE_SOCKET
    with _lock:
        path, found = _forwards.get((host, remote), ("", None))
        if found is None or not found.alive():
            if not path:
                path = str(_private_folder() / f"{os.getpid()}.sock")
                atexit.register(Path(path).unlink, missing_ok=True)
            _forwards[(host, remote)] = (path, Forward(host, path, remote, lambda: _connect(path)))
        return f"unix://{path}"


def _connect(path: str) -> None:
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(1)
        probe.connect(path)


def _private_folder() -> Path:
    """Under the user's state, where the path is short enough; swept of what killed processes left."""
    from chaos.state import private_dir, state_dir

    folder = private_dir(state_dir() / "ssh")
    if len(str(folder)) + len("/4194304.sock.0123456789abcdef") > PATH_BYTES_MAX:  # ssh binds a longer name first
        elsewhere = Path(tempfile.mkdtemp(prefix="saleproof-"))
        atexit.register(shutil.rmtree, elsewhere, ignore_errors=True)
        return elsewhere
    for left in folder.glob("*.sock"):
        if not Path(f"/proc/{left.stem}").exists():
            left.unlink(missing_ok=True)
    return folder
