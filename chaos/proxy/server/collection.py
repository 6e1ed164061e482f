"""All proxies of the process, by name."""

from __future__ import annotations

import logging

from chaos.proxy.server.apierror import missing_field, proxy_exists, proxy_not_found
from chaos.proxy.server.decode import Fields
from chaos.proxy.server.proxy import Proxy

log = logging.getLogger("saleproof.proxy")


class Collection:
    """The proxies, and what is done to several of them at once."""

    def __init__(self, *, seed: int, dial_timeout_s: float) -> None:
        self._seed = seed
        self._dial_timeout_s = dial_timeout_s
        self._proxies: dict[str, Proxy] = {}

    def all(self) -> list[Proxy]:
        """Sorted by name, as Go writes a map."""
        return [self._proxies[name] for name in sorted(self._proxies)]

    def get(self, name: str) -> Proxy:
        """Raises: ApiError 404."""
        if name not in self._proxies:
            raise proxy_not_found()
        return self._proxies[name]

    async def create(self, fields: Fields) -> Proxy:
        """Raises: ApiError 400, 409, or 500 when it cannot listen."""
        proxy, enabled = self._read(fields, "")
        if proxy.name in self._proxies:
            raise proxy_exists()
        # The name is taken before the first wait, so that two requests cannot both have it.
        self._proxies[proxy.name] = proxy
        if enabled:
            try:
                await proxy.start()
            except BaseException:
                self._proxies.pop(proxy.name, None)
                raise
        return proxy

    async def remove(self, name: str) -> None:
        """Raises: ApiError 404."""
        proxy = self.get(name)
        del self._proxies[name]
        await proxy.stop()

    async def reset(self) -> None:
        """Enable every proxy and remove every toxic. Raises: ApiError 500 at the first that cannot listen."""
        for proxy in self.all():
            await proxy.start()
            for toxic in proxy.toxics():
                proxy.remove_toxic(toxic)

    async def populate(self, items: list[Fields], done: list[Proxy]) -> None:
        """Create what is new and replace what differs; each goes into `done`. Nothing is removed or switched.

        Raises: ApiError 400 before anything is touched, or 500 midway.
        """
        wanted = [self._read(item, f" at proxy {number}") for number, item in enumerate(items, 1)]
        for proxy, enabled in wanted:
            present = self._proxies.get(proxy.name)
            if present is not None:
                if not await present.differs(proxy.listen, proxy.upstream):
                    done.append(present)
                    continue
                await present.stop()
            if enabled:
                await proxy.start()
            self._proxies[proxy.name] = proxy
            done.append(proxy)

    async def stop(self) -> None:
        for proxy in self.all():
            await proxy.stop()

    def _read(self, fields: Fields, where: str) -> tuple[Proxy, bool]:
        name = fields.text("name", "")
        listen = fields.text("listen", "")
        upstream = fields.text("upstream", "")
        enabled = fields.flag("enabled", True)
        if not name:
            raise missing_field(f"name{where}")
        if not upstream:
            raise missing_field(f"upstream{where}")
        proxy = Proxy(name=name, listen=listen, upstream=upstream, seed=self._seed, dial_timeout_s=self._dial_timeout_s)
        return proxy, enabled
