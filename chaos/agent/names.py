"""The addresses of names, looked up again and again beside whatever else is done."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterable

LOOK_EVERY_S = 1.0
# A name that cannot be looked up for so long has no address any more: another container may have got it meanwhile.
KEPT_S = 5.0
# A caller may hold on to an address of an outside service that its name server has stopped naming.
REMEMBERED_S = 300.0


class Names:
    """Looked up in a thread for each: a name server that does not answer must not hold up the others."""

    def __init__(self) -> None:
        self._found: dict[str, dict[str, float]] = {}  # name -> address -> when it was last seen
        self._looked: dict[str, float] = {}
        self._ipv6: dict[str, bool] = {}
        self._outside: set[str] = set()
        self._wanted: set[str] = set()
        self._watched: set[str] = set()  # those that have a thread
        self._lock = threading.Lock()

    def want(self, names: Iterable[tuple[str, bool]]) -> None:
        """These from now on, and no others. With each, whether it is an outside service."""
        with self._lock:
            now = set(dict(names := tuple(names)))
            self._outside = {name for name, outside in names if outside}
            new, self._wanted = now - self._watched, now
            self._watched |= new
            for name in list(self._found):
                if name not in now:
                    self._found.pop(name)
        for name in new:
            threading.Thread(target=self._watch, args=(name,), name=f"name {name}", daemon=True).start()

    def addresses(self, name: str) -> list[str]:
        """IPv4, as they are now; empty where there is none yet, or any more."""
        now_s = time.monotonic()
        with self._lock:
            if name not in self._outside:
                latest = self._looked.get(name, 0.0)
                seen = self._found.get(name, {})
                return sorted(a for a, at_s in seen.items() if at_s == latest) if now_s - latest < KEPT_S else []
            return sorted(a for a, at_s in self._found.get(name, {}).items() if now_s - at_s < REMEMBERED_S)

    def has_ipv6(self, name: str) -> bool:
        """Does the name also have an IPv6 address? Those are not redirected."""
        with self._lock:
            return self._ipv6.get(name, False)

    def _watch(self, name: str) -> None:
        while True:
            with self._lock:
                if name not in self._wanted:
                    self._watched.discard(name)
                    return
            self._look(name)
            time.sleep(LOOK_EVERY_S)

    def _look(self, name: str) -> None:
        try:
            found = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
        except OSError:
            return
        four = {str(address[0]) for family, _, _, _, address in found if family == socket.AF_INET}
        now_s = time.monotonic()
        with self._lock:
            if name in self._wanted:
                self._ipv6[name] = any(family == socket.AF_INET6 for family, *_ in found)
                self._looked[name] = now_s
                self._found.setdefault(name, {}).update(dict.fromkeys(four, now_s))
