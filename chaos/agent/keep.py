"""`keep`: the agent's own main process, the keeper. It holds the undo records of faults under a lease, and reverts them
when their runner was not heard of for as long as the lease lasts."""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
import threading
import time
from pathlib import Path
from typing import Any

from chaos.clock import boottime_s
from chaos.model.base import from_json
from chaos.model.fault import Undo
from chaos.model.lease import Lease, Leases

SOCKET = Path("/run/saleproof/keeper.sock")
LOOK_EVERY_S = 0.25
REQUEST_BYTES_MAX = 1 << 20
# A revert that fails is tried again for as long as anybody may still hope.
TRY_AGAIN_S = 1.0
TRIES = 300


class Keeper:
    """What it holds is in memory alone: a keeper that was started anew says so with the next renewal, and is given the
    records again."""

    def __init__(self) -> None:
        self._leases = Leases()
        self._held: dict[str, list[Undo]] = {}
        self._lock = threading.Lock()

    def answer(self, request: dict[str, Any]) -> Any:
        """Raises: ValueError, KeyError, msgspec errors for a request that makes no sense."""
        name = str(request["lease"])
        with self._lock:
            if request["do"] == "renew":
                return self._leases.renew(Lease(id=name, ttl_s=float(request["ttl_s"])), boottime_s())
            if request["do"] == "entrust":
                if not self._leases.is_held(name, boottime_s()):
                    raise ValueError(f"the lease {name} ran out")
                self._held.setdefault(name, []).append(from_json(json.dumps(request["undo"]), Undo))
                return None
            if request["do"] == "release":
                self._leases.release(name)
                self._take_back(name, "it was given back")
                return None
        raise ValueError(f"unknown request {request['do']!r}")

    def look(self) -> None:
        """Take back what is under a lease that ran out."""
        with self._lock:
            for name in self._leases.expire(boottime_s()):
                self._take_back(name, "it ran out")

    def _take_back(self, name: str, why: str) -> None:
        records = self._held.pop(name, [])
        if records:
            say(f"lease {name}: {why}; {len(records)} faults are under it")
            # In a thread: other leases are to be answered meanwhile.
            threading.Thread(target=revert, args=(records[::-1],), name=name, daemon=True).start()


def revert(records: list[Undo]) -> None:
    """All of them, the last one first, each whatever became of the others, again and again until all are gone."""
    from chaos import faults

    left = records
    for attempt in range(TRIES):
        if attempt:
            time.sleep(TRY_AGAIN_S)
        stuck = []
        for undo in left:
            try:
                if faults.is_present(undo):
                    faults.revert(undo)
                    say(f"reverted: {undo.kind} {undo.where}")
            except Exception as cause:
                say(f"not reverted: {undo.kind} {undo.where}: {cause}")
                stuck.append(undo)
        if not stuck:
            return
        left = stuck


def say(text: str) -> None:
    """For `docker logs`."""
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def run() -> None:
    """Until SIGTERM."""
    # The first process of a container is deaf to signals that it has not asked for.
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    # Whatever is run here by `docker exec` and loses its parent becomes a child of this process.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    SOCKET.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    SOCKET.unlink(missing_ok=True)
    keeper = Keeper()
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as server:
        server.bind(str(SOCKET))
        server.listen(16)
        server.settimeout(LOOK_EVERY_S)
        while True:
            keeper.look()
            try:
                client, _ = server.accept()
            except TimeoutError:
                continue
            with client:
                _serve(keeper, client)


def _serve(keeper: Keeper, client: socket.socket) -> None:
    client.settimeout(1.0)
    try:
        with client.makefile("rwb") as file:
            request = json.loads(file.readline(REQUEST_BYTES_MAX))
            try:
                answer = {"result": keeper.answer(request)}
            except Exception as cause:
                answer = {"error": str(cause) or type(cause).__name__}
            file.write(json.dumps(answer).encode() + b"\n")
    except (OSError, ValueError) as cause:
        say(f"a caller went away: {cause}")
