"""The runner's side of its faults' lease: renewed every third of its life, and whoever finds it over says so once.

The lease itself is kept where the target lives. There it ends by itself when nothing renews it: the runner is stopped
(SIGSTOP), its machine sleeps, the network to the target is cut.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from typing import Any

import msgspec

from chaos import faults
from chaos.clock import boottime_s
from chaos.errors import Refused, Unavailable
from chaos.faults.shared import lease as places
from chaos.faults.shared.lease import Holder
from chaos.model.base import to_json
from chaos.model.fault import Undo
from chaos.model.lease import Lease

# Two renewals may be lost before it ends.
RENEWALS = 3
# One that was renewed within this part of its life is as good as new.
FRESH = 10
JOIN_S = 5.0
# The runner is a holder too, the first: it sees its own sleep before it asks anybody.
_MYSELF = ""


class Keeper:
    """All leases of one run, under one id. `on_lost(holder, reason)` is called once, from whichever thread notices."""

    def __init__(
        self, lease: Lease, *, on_lost: Callable[[str, str], None], note: Callable[[str], None],
        now_s: Callable[[], float] = boottime_s,
    ) -> None:  # fmt: skip
        self._lease = lease
        self._on_lost = on_lost
        self._note = note
        self._now_s = now_s
        self._lock = threading.Lock()
        self._holding = threading.Lock()
        self._holders: dict[str, Holder] = {}
        self._without: set[str] = set()
        self._claimed: dict[str, str] = {}
        self._entrusted: dict[str, list[Undo]] = {}
        self._forgotten: set[str] = set()  # who was started anew, and was not told all of it again yet
        self._renewed_s: dict[str, float] = {_MYSELF: now_s()}  # when the last renewal that was answered began
        self._errors: dict[str, str] = {}
        self._lost = ""
        self._end = threading.Event()
        self._threads: dict[str, threading.Thread] = {}
        self._threaded = False

    def start(self) -> None:
        """From now on renewals come by themselves. Each holder has a thread: one that hangs must not cost the others
        their lease. Idempotent."""
        if self._threaded:
            return
        self._threaded = True
        self._renewed_s[_MYSELF] = self._now_s()
        self._renew_from_now_on(_MYSELF)

    def claim(self, control: dict[str, Any], who: str) -> None:
        """Take the lock that is kept with the target, where one is, and keep it as long as this lease.
        Raises: Refused, Unavailable."""
        holder = places.beside(control)
        try:
            if not places.claim(holder, self._lease, who):
                return
        except Unavailable:
            # It may have been done, or be done later: then nobody would give it back.
            with contextlib.suppress(Unavailable):
                places.release(holder, self._lease.id, clean=True)
            raise
        key = to_json(holder).decode()
        with self._holding:
            with self._lock:
                self._holders[key] = holder
            self._claimed[key] = who
            self._renewed_s[key] = self._now_s()
            self._renew_from_now_on(key)

    def hold(self, undo: Undo) -> Undo:
        """The undo record under the lease, which is fresh at whoever keeps it; as it is where nobody can keep one.
        Raises: Unavailable when it cannot be made."""
        holder = faults.holder(undo)
        if holder is None:
            return undo
        key = to_json(holder).decode()
        with self._holding:  # several places are prepared at the same time
            if key not in self._holders and key not in self._without and not places.keeps(holder):
                self._without.add(key)
                self._note(f"the {holder.kind} keeps no leases: a fault there stays if runner and watchdog are stopped")
            if key in self._without:
                return undo
            with self._lock:
                self._holders[key] = holder
            if self._now_s() - self._renewed_s.get(key, float("-inf")) > self._lease.ttl_s / FRESH:
                self._renew(key)
            self._renew_from_now_on(key)
        held = msgspec.structs.replace(undo, lease=self._lease.id)
        places.entrust(holder, held)
        self._entrusted.setdefault(key, []).append(held)
        return held

    def check(self) -> str:
        """Why the lease is over; empty when it is not. Reads the clock only, so it can be asked before every step."""
        if self._lost or self._end.is_set():
            return self._lost
        now_s = self._now_s()
        for key, renewed_s in list(self._renewed_s.items()):
            silent_s = now_s - renewed_s
            if silent_s > self._lease.ttl_s:
                self._lose(key, self._why(key, silent_s))
                break
        return self._lost

    def beat(self) -> None:
        """Renew everywhere, one after the other."""
        for key in (_MYSELF, *self._holders):
            self._beat(key)

    def close(self, *, clean: bool = False) -> None:
        """The run is over: give everything back; `clean`: every fault was read back as gone. What cannot be given back
        ends by itself. Idempotent."""
        self.check()
        self._end.set()
        for thread in self._threads.values():
            if thread is not threading.current_thread():
                thread.join(JOIN_S)
        while self._holders:
            _, holder = self._holders.popitem()
            try:
                places.release(holder, self._lease.id, clean=clean)
            except Exception as cause:
                self._note(f"the lease at the {holder.kind} was not given back, and ends by itself: {cause}")

    def _renew_from_now_on(self, key: str) -> None:
        if self._threaded and key not in self._threads:
            name = f"lease {self._holders[key].kind if key else 'runner'}"
            self._threads[key] = threading.Thread(target=self._run, args=(key,), name=name, daemon=True)
            self._threads[key].start()

    def _run(self, key: str) -> None:
        while not self._end.wait(self._lease.ttl_s / RENEWALS):
            self._beat(key)

    def _beat(self, key: str) -> None:
        """One renewal; a failed one is tried again at the next beat, as long as the lease lasts."""
        if self.check():
            return
        try:
            self._renew(key)
        except Exception as cause:
            self._errors[key] = str(cause) or type(cause).__name__
            self.check()

    def _renew(self, key: str) -> None:
        began_s = self._now_s()
        if key != _MYSELF:
            kind = self._holders[key].kind
            became = places.renew(self._holders[key], self._lease)
            if became == "expired":
                self._lose(key, self._why(key, began_s - self._renewed_s.get(key, began_s)))
                return
            if became == "created" and key in self._renewed_s:
                self._note(f"the {kind} was started anew: it knew nothing of the lease")
                self._forgotten.add(key)
            if key in self._forgotten:
                self._tell_again(key)
        self._errors.pop(key, None)
        self._renewed_s[key] = began_s

    def _tell_again(self, key: str) -> None:
        """Whose the target is, and what is under the lease there. Until that was all heard, nothing is renewed: a lease
        that nothing is under takes nothing back. Raises: Unavailable."""
        holder = self._holders[key]
        if key in self._claimed:
            try:
                places.claim(holder, self._lease, self._claimed[key])
            except Refused as cause:
                self._lose(key, f"the target was lost when the {holder.kind} was started anew: {cause}")
                return
        for undo in list(self._entrusted.get(key, ())):
            places.entrust(holder, undo)
        self._forgotten.discard(key)

    def _why(self, key: str, silent_s: float) -> str:
        lasts = f"it lasts {self._lease.ttl_s:g} s"
        if key == _MYSELF:
            return f"the lease ran out: the runner was stopped or asleep for {silent_s:.1f} s, and {lasts}"
        kind, error = self._holders[key].kind, self._errors.get(key, "")
        if error:
            return (
                f"the lease ran out: it could not be renewed at the {kind} for {silent_s:.1f} s, and {lasts}: {error}"
            )
        return (
            f"the lease ran out: the {kind} had not heard of the runner, which was stopped, asleep or cut off, for "
            f"{silent_s:.1f} s, and {lasts}"
        )

    def _lose(self, key: str, reason: str) -> None:
        with self._lock:
            if self._lost or self._end.is_set():
                return
            self._lost = reason
        # No lock of ours is held here: the session's own may be waited for.
        self._end.set()
        self._on_lost(self._holders[key].kind if key else "", reason)
