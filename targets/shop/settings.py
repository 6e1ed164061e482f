"""What a process of the shop is told by its environment: addresses, its own name, and which defences are on."""

from __future__ import annotations

import os
from collections.abc import Mapping

import msgspec

VARIANTS = ("resilient", "fragile")
WORDS = {"on": True, "off": False}


class Defences(msgspec.Struct, frozen=True, kw_only=True):
    """The shop's defences, each a switch of its own. `SHOP_VARIANT` sets all of them, `SHOP_<NAME>=on|off` one.

    Measured with bench/shop_capacity.py, three instances, normal = 25 journeys = 85 requests a second: all off holds
    99 % and p99 < 2 s up to 2.5 times normal (195 req/s is all that it ever answers: six connections, each held for
    70 ms of the provider's time and 10 ms of queries); all on holds them at 12 times (970 req/s, on 1.1 cores).
    """

    cache: bool
    """Single-flight, stale-if-error and an in-process copy; off: a naive cache whose errors are the customer's."""
    replica_reads: bool
    """Reads go to the replica, and to the primary when it does not answer (and back); off: all to the primary."""
    timeouts: bool
    """Every dependency has a time limit; off: none has."""
    retries: bool
    """One more try for what may safely be tried again, within a budget and with jitter."""
    breakers: bool
    """A dependency that keeps failing is left alone for a second, at no cost to the customer."""
    shedding: bool
    """A bounded number of requests at a time, the rest get 503 and Retry-After; off: few workers, an endless queue."""
    idempotency: bool
    """A checkout's key gives one order, paid outside of any transaction; off: key ignored, paid inside of one."""
    pending: bool
    """An order is accepted while the payment provider is away, and paid later; off: the customer gets an error."""
    batching: bool
    """A page asks once for all that it shows; off: once for each part (N + 1), and the provider for its terms."""
    edge_health: bool
    """Envoy checks its backends, ejects bad ones and retries; off: plain round robin."""


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """All that a web instance needs to know."""

    instance: str
    db_hosts: tuple[str, ...]
    cache: str
    payments: str
    defences: Defences


def load_defences(env: Mapping[str, str]) -> Defences:
    """Read `SHOP_VARIANT` (default resilient) and the single switches. Raises: SystemExit for a value nobody knows."""
    variant = env.get("SHOP_VARIANT") or VARIANTS[0]
    if variant not in VARIANTS:
        raise SystemExit(f"SHOP_VARIANT={variant}: not a variant; known: {', '.join(VARIANTS)}")
    switches = {}
    for name in Defences.__struct_fields__:
        variable = f"SHOP_{name.upper()}"
        word = env.get(variable) or ("on" if variant == "resilient" else "off")
        if word not in WORDS:
            raise SystemExit(f"{variable}={word}: a switch is on or off")
        switches[name] = WORDS[word]
    return Defences(**switches)


def load(env: Mapping[str, str] = os.environ) -> Settings:
    """Read all settings. Raises: SystemExit that names the missing variable."""
    defences = load_defences(env)
    try:
        return Settings(
            instance=env["INSTANCE"],
            db_hosts=tuple(env["DB_HOSTS"].split(",")),
            cache=env["CACHE"].split(",")[0],
            payments=env["PAYMENTS"].split(",")[0],
            defences=defences,
        )
    except KeyError as missing:
        raise SystemExit(f"the environment variable {missing.args[0]} is needed") from None
