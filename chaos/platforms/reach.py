"""A link's fault proxy as this process gets to it: as it is, or by the data in `Proxy.reach` where the target's
network is not this machine's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from chaos.errors import Unavailable
from chaos.model.base import from_plain

if TYPE_CHECKING:
    from chaos.proxy.measure import Sample, Where


def _known(reach: Mapping[str, Any]) -> Any:
    if reach.get("platform") == "compose":
        from chaos.platforms.compose.links import LinkReach

        return LinkReach.of(dict(reach))
    raise Unavailable(f"no way to the links of the platform {reach.get('platform')!r}")


def api(address: str, reach: Mapping[str, Any]) -> str:
    """host:port of the fault proxy's API from here. `address` is what it was when the record was made.

    Raises: Unavailable.
    """
    if not reach:
        return address
    found: str = _known(reach).api()
    return found


def gone(reach: Mapping[str, Any]) -> bool:
    """Did the proxy's server end, or start anew, since? Only for a `reach` that is not empty. Raises: Unavailable."""
    return bool(_known(reach).gone())


def ask(address: str, reach: Mapping[str, Any], protocol: str, path: str, timeout_s: float) -> str:
    """What comes of the smallest exchange with a service, past its proxies: an outcome of chaos.proxy.probe.
    `address` is where it is asked when `reach` is empty. Raises: Unavailable."""
    if reach:
        return str(_known(reach).ask(protocol, path, timeout_s))
    from chaos.proxy.probe import exchange

    return exchange(address, protocol, path=path, timeout_s=timeout_s).outcome


def measure(
    reach: Mapping[str, Any], kind: str, where: Where, attributes: Mapping[str, int], connections: int
) -> tuple[Sample, ...]:
    """`chaos.proxy.measure.measure`, made from where the link's client stands. Raises: Unavailable."""
    # Slow to import, and of no use to those who only read or revert.
    from dataclasses import asdict

    from chaos.proxy.measure import Sample
    from chaos.proxy.measure import measure as here

    if not reach:
        return here(kind, where, attributes, connections=connections)
    seen = _known(reach).measure(kind, asdict(where), dict(attributes), connections)
    return from_plain(seen, tuple[Sample, ...])
