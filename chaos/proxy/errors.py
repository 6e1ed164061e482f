"""What can go wrong with a fault proxy's control API.

Unavailable               69
├── ProxyUnavailable      69   it does not answer, or answers with a server error
└── ProxyRefused          69   it answers, and says no: a bad value, an unknown or a taken name, a lost attribute
    ├── ProxyNotFound     69   no proxy, or no toxic, of that name
    └── LeaseRanOut       69   the lease is over, and what was under it is gone
"""

from __future__ import annotations

from chaos.errors import Unavailable


class ProxyUnavailable(Unavailable):
    """The API cannot be reached, took too long, or answered with a 5xx. What was asked for may have been done."""


class ProxyRefused(Unavailable):
    """The API said no. Nothing was changed."""


class ProxyNotFound(ProxyRefused):
    """There is no proxy, no toxic, or no lease, of that name."""


class LeaseRanOut(ProxyRefused):
    """The lease was not renewed in time. What was under it was taken back, and nothing more is put under it."""
