"""The leases of the fault proxy: when one runs out, its toxics go and its proxies are enabled again, by themselves."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

from chaos.clock import boottime_s
from chaos.model.lease import Lease, Leases, Renewal
from chaos.proxy.server.apierror import ApiError, lease_expired, lease_not_found
from chaos.proxy.server.collection import Collection

log = logging.getLogger("saleproof.proxy")

# The event loop's timers stand still while the machine sleeps; looking again and again does not depend on them.
LOOK_S = 0.25


class LeaseHolder:
    """What is under a lease says so itself (`Toxic.lease`, `Proxy.disabled_under`), so nothing can come apart."""

    def __init__(self, collection: Collection, *, now_s: Callable[[], float] = boottime_s) -> None:
        self._collection = collection
        self._now_s = now_s
        self._leases = Leases()

    def renew(self, lease: Lease) -> Renewal:
        """Raises: ValueError."""
        return self._leases.renew(lease, self._now_s())

    def check(self, name: str) -> None:
        """May something be put under it now? Raises: ApiError 404, 410."""
        left_s = self._leases.left_s(name, self._now_s()) if name else 1.0
        if left_s is None:
            raise lease_not_found()
        if left_s == 0:
            raise lease_expired()

    def as_json(self, name: str) -> dict[str, Any]:
        """Raises: ApiError 404."""
        left_s = self._leases.left_s(name, self._now_s())
        if left_s is None:
            raise lease_not_found()
        proxies = self._collection.all()
        return {
            "id": name,
            "expired": left_s == 0,
            "left_s": round(left_s, 3),
            "toxics": [{"proxy": p.name, "toxic": t.name} for p in proxies for t in p.toxics() if t.lease == name],
            "disabled": [p.name for p in proxies if p.disabled_under == name],
        }

    async def release(self, name: str) -> None:
        """Give it back, and with it whatever is still under it. Raises: ApiError 404."""
        if not self._leases.release(name):
            raise lease_not_found()
        await self.look()

    async def watch(self) -> None:
        """Until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(LOOK_S)

    async def look(self) -> None:
        """Take back whatever is under a lease that is not held; what fails is tried again at the next look."""
        now_s = self._now_s()
        for name in self._leases.expire(now_s):
            log.warning("lease %r ran out: what is under it is taken back", name)
        for proxy in self._collection.all():
            for toxic in proxy.toxics():
                if toxic.lease and not self._leases.is_held(toxic.lease, now_s):
                    proxy.remove_toxic(toxic)
            if proxy.disabled_under and not self._leases.is_held(proxy.disabled_under, now_s):
                try:
                    await proxy.start()
                except ApiError as error:
                    log.error("proxy %r cannot be enabled again: %s", proxy.name, error.message)  # noqa: TRY400
