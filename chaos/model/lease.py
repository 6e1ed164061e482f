"""A lease: how long what was disturbed may stay so without a word from whoever disturbed it. One id a run."""

from __future__ import annotations

from typing import Literal

from chaos.model.base import Noun

# Nothing stays broken for longer than this after the runner was last heard of.
LEASE_TTL_S = 10.0
# A lease is there for runners that die: one that holds for a day is none.
TTL_S_MAX = 3600.0
# What a dead runner had asked for last may be done after it was taken back: a request may be on a slow way, a stop
# takes as long as its service may take. So whoever has taken it back looks again for so long.
LATE_S = 15.0
# Ids of leases that ran out, so many of which are remembered. A run has one.
REMEMBERED = 1000

# What became of a renewal: `created` is also the answer of one that was started anew and knows nothing of before.
Renewal = Literal["created", "renewed", "expired"]


class Lease(Noun):
    """Kept where the target lives, by the fault proxy, the supervisor, or the traffic generator; renewed by the runner
    every third of its life."""

    id: str
    ttl_s: float = LEASE_TTL_S


class Terms(Noun):
    """One lease as its keeper knows it. `ends_s` is on CLOCK_BOOTTIME, which counts while the machine sleeps."""

    ttl_s: float
    ends_s: float


class Known(Noun):
    """All leases of one keeper, as plain data."""

    held: dict[str, Terms] = {}
    expired: tuple[str, ...] = ()


class Leases:
    """The leases that one keeper keeps. Pure: the caller reads the clock, in seconds, and takes things back.

    One that ran out stays so: no renewal brings it back, for its runner must learn of it. `release` forgets it.
    """

    def __init__(self, known: Known | None = None) -> None:
        known = known or Known()
        self._held = dict(known.held)
        self._expired = dict.fromkeys(known.expired)

    def renew(self, lease: Lease, now_s: float) -> Renewal:
        """Make it, or let it last `ttl_s` from now on. Raises: ValueError."""
        if not lease.id or not 0 < lease.ttl_s <= TTL_S_MAX:
            raise ValueError(f"ttl_s is {lease.ttl_s:g}; it must be above 0 and at most {TTL_S_MAX:g}")
        self.expire(now_s)
        if lease.id in self._expired:
            return "expired"
        word: Renewal = "renewed" if lease.id in self._held else "created"
        self._held[lease.id] = Terms(ttl_s=lease.ttl_s, ends_s=now_s + lease.ttl_s)
        return word

    def expire(self, now_s: float) -> tuple[str, ...]:
        """Those that ran out since the last call."""
        over = tuple(name for name, terms in self._held.items() if now_s >= terms.ends_s)
        for name in over:
            del self._held[name]
            self._expired[name] = None
        for name in list(self._expired)[:-REMEMBERED]:
            del self._expired[name]
        return over

    def left_s(self, name: str, now_s: float) -> float | None:
        """Seconds that it still lasts, 0 when it ran out; None for one that is not known."""
        if name in self._expired:
            return 0.0
        terms = self._held.get(name)
        return None if terms is None else max(0.0, terms.ends_s - now_s)

    def is_held(self, name: str, now_s: float) -> bool:
        return bool(self.left_s(name, now_s))

    def release(self, name: str) -> bool:
        """Forget it; False when it was not known."""
        expired = name in self._expired
        self._expired.pop(name, None)
        return self._held.pop(name, None) is not None or expired

    def known(self) -> Known:
        return Known(held=dict(self._held), expired=tuple(self._expired))
