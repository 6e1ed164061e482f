"""Who keeps the lease of a fault, where the target lives, and how it is renewed there."""

from __future__ import annotations

from typing import Any, Literal

from chaos.errors import Unavailable
from chaos.model.base import Noun
from chaos.model.fault import Undo
from chaos.model.lease import Lease, Renewal
from chaos.model.platform import LeaseKeeper
from chaos.platforms import service_control

# Renewals are short; one that is not answered is tried again.
ANSWER_S = 2.0


class Holder(Noun):
    """A fault proxy's API, a target's supervisor, our agent on a Docker engine, or the traffic generator, as plain
    data: how it is reached."""

    kind: Literal["fault proxy", "supervisor", "agent", "traffic generator"]
    reach: dict[str, Any]


def beside(control: dict[str, Any]) -> Holder:
    """Who keeps leases for the services that this data of `Platform.control()`, or of a link's proxy, leads to."""
    if control.get("platform") == "compose":
        from chaos.platforms.compose.keeper import reach_of

        return Holder(kind="agent", reach=reach_of(control))
    return Holder(kind="supervisor", reach=control)


def keeps(holder: Holder) -> bool:
    """Can it keep a lease at all? Shopify's Toxiproxy cannot. Raises: Unavailable."""
    if holder.kind == "fault proxy":
        from chaos.proxy.client import ToxiproxyClient

        return ToxiproxyClient(holder.reach["api"], timeout_s=ANSWER_S).keeps_leases()
    if holder.kind == "supervisor":
        return isinstance(service_control(holder.reach), LeaseKeeper)
    return True


def renew(holder: Holder, lease: Lease) -> Renewal:
    """Make or renew it. `expired`: it ran out before, and stays so. Raises: Unavailable."""
    if holder.kind == "fault proxy":
        from chaos.proxy.client import ToxiproxyClient

        return ToxiproxyClient(holder.reach["api"], timeout_s=ANSWER_S).renew_lease(lease)
    if holder.kind == "supervisor":
        return _supervisor(holder).renew_lease(lease)
    if holder.kind == "agent":
        from chaos.platforms.compose import keeper

        return keeper.renew(holder.reach, lease)
    from chaos.load import control

    return control.renew_lease(holder.reach, lease)


def claim(holder: Holder, lease: Lease, who: str) -> bool:
    """The lock that is kept with the target: it is this lease's alone from now on. False where none is kept there; a
    target on this machine is locked on this machine. Raises: Refused, Unavailable."""
    if holder.kind != "agent":
        return False
    from chaos.platforms.compose import keeper

    keeper.claim(holder.reach, lease, who)
    return True


def entrust(holder: Holder, undo: Undo) -> None:
    """Give the undo record to one that reverts from it when the lease runs out. The others know by themselves what was
    done under a lease. Raises: Unavailable."""
    if holder.kind == "agent":
        from chaos.platforms.compose import keeper

        keeper.entrust(holder.reach, undo)


def release(holder: Holder, name: str, *, clean: bool = False) -> None:
    """Give it back, and with it whatever is still under it; `clean`: nothing is, as who gives it back has seen.
    Idempotent. Raises: Unavailable."""
    if holder.kind == "fault proxy":
        from chaos.proxy.client import ToxiproxyClient

        ToxiproxyClient(holder.reach["api"], timeout_s=ANSWER_S).release_lease(name)
    elif holder.kind == "supervisor":
        _supervisor(holder).release_lease(name)
    elif holder.kind == "agent":
        from chaos.platforms.compose import keeper

        keeper.release(holder.reach, name, clean=clean)
    else:
        from chaos.load import control

        control.release_lease(holder.reach, name)


def under(name: str) -> dict[str, str]:
    """The keyword for a call under that lease; none where there is none, for a platform that keeps no leases."""
    return {"lease": name} if name else {}


def _supervisor(holder: Holder) -> LeaseKeeper:
    found = service_control(holder.reach)
    if not isinstance(found, LeaseKeeper):
        raise Unavailable(f"the platform {holder.reach.get('platform')!r} keeps no leases")
    return found
