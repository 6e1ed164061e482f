"""`keep`: the agent's own main process, the keeper. It holds the undo records of faults under a lease, and reverts them
when their runner was not heard of for as long as the lease lasts."""

from __future__ import annotations

import functools
import json
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from chaos.agent.lease import SOCKET
from chaos.clock import boottime_s
from chaos.model.base import from_json
from chaos.model.fault import Undo
from chaos.model.lease import LATE_S, Lease, Leases

LOOK_EVERY_S = 0.25
REQUEST_BYTES_MAX = 1 << 20
# A revert that fails is tried again for as long as anybody may still hope.
TRY_AGAIN_S = 1.0
TRIES = 300
# Nobody has held a lease for so long: then it goes, and its log with it.
GONE_AFTER_S = 600.0


class Keeper:
    """What it holds is in memory alone: a keeper that was started anew says so with the next renewal, and is given the
    records again."""

    def __init__(self) -> None:
        self._leases = Leases()
        self._held: dict[str, list[Undo]] = {}
        self._newest: dict[str, str] = {}  # place -> the lease of the last fault there
        self._claims: dict[str, str] = {}  # lease -> whose it is, for people
        self._lock = threading.Lock()
        self._needed_s = boottime_s()
        self._at_work: list[threading.Thread] = []

    def is_needed(self) -> bool:
        """Was there a lease a while ago, or is something being taken back?"""
        now_s = boottime_s()
        with self._lock:
            self._at_work = [thread for thread in self._at_work if thread.is_alive()]
            if self._leases.known().held or self._at_work:
                self._needed_s = now_s
            return now_s - self._needed_s < GONE_AFTER_S

    def answer(self, request: dict[str, Any]) -> Any:
        """Raises: ValueError, KeyError, msgspec errors for a request that makes no sense."""
        name = str(request["lease"])
        with self._lock:
            if request["do"] == "renew":
                return self._leases.renew(Lease(id=name, ttl_s=float(request["ttl_s"])), boottime_s())
            if request["do"] == "claim":
                return self._claim(name, str(request["who"]), float(request["ttl_s"]))
            if request["do"] == "held":
                # What is being taken back counts: nobody else may know of it.
                return [*self._leases.known().held, *(t.name for t in self._at_work if t.is_alive())]
            if request["do"] == "claimed":
                now_s = boottime_s()
                return [by for lease, by in self._claims.items() if self._leases.is_held(lease, now_s)]
            if request["do"] == "entrust":
                if not self._leases.is_held(name, boottime_s()):
                    raise ValueError(f"the lease {name} ran out")
                undo = from_json(json.dumps(request["undo"]), Undo)
                self._held.setdefault(name, []).append(undo)
                self._newest[undo.where] = name
                return None
            if request["do"] == "release":
                self._leases.release(name)
                if request.get("clean"):  # a living runner has read back that nothing is left
                    self._held.pop(name, None)
                self._take_back(name, "it was given back")
                return None
        raise ValueError(f"unknown request {request['do']!r}")

    def _claim(self, name: str, who: str, ttl_s: float) -> str:
        """Who else has the target, as long as that lease lasts; empty when it is `name`'s from now on."""
        now_s = boottime_s()
        for other, by in self._claims.items():
            if other != name and self._leases.is_held(other, now_s):
                return by
        if self._leases.renew(Lease(id=name, ttl_s=ttl_s), now_s) == "expired":
            raise ValueError(f"the lease {name} ran out")
        self._claims = {name: who}
        return ""

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
            others = functools.partial(self._is_anothers, name)
            thread = threading.Thread(target=revert, args=(records[::-1], others), name=name, daemon=True)
            self._at_work.append(thread)
            thread.start()

    def _is_anothers(self, lease: str, undo: Undo) -> bool:
        """Was the last fault at its place put there under another lease?"""
        return self._newest.get(undo.where, lease) != lease


def revert(records: list[Undo], is_anothers: Callable[[Undo], bool] = lambda undo: False) -> None:
    """All of them, the last one first, each whatever became of the others, again and again until all are gone; and once
    more whatever comes late, unless the place is another run's by now, whose fault would be taken for this one."""
    late_s = None
    for _ in range(TRIES):
        looked_at = [undo for undo in records if not (late_s and is_anothers(undo) and not _told_apart(undo))]
        stuck = [undo for undo in looked_at if not _is_gone(undo)]
        if not stuck:
            late_s = late_s or boottime_s() + LATE_S
            if boottime_s() > late_s:
                return
        time.sleep(TRY_AGAIN_S)


def _told_apart(undo: Undo) -> bool:
    from chaos import faults

    return faults.told_apart(undo)


def _is_gone(undo: Undo) -> bool:
    from chaos import faults

    try:
        if faults.is_present(undo):
            faults.revert(undo)
            say(f"reverted: {undo.kind} {undo.where}")
    except Exception as cause:
        say(f"not reverted: {undo.kind} {undo.where}: {cause}")
        return False
    return True


def say(text: str) -> None:
    """For `docker logs`."""
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def run() -> None:
    """Until SIGTERM, or until nobody has needed it for a while."""
    # The first process of a container is deaf to signals that it has not asked for.
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    # Whatever is run here by `docker exec` and loses its parent becomes a child of this process.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    path = Path(SOCKET)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    keeper = Keeper()
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as server:
        server.bind(SOCKET)
        server.listen(16)
        server.settimeout(LOOK_EVERY_S)
        while keeper.is_needed():
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
