"""`down`: a link that refuses."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar
from urllib.parse import quote

from chaos.errors import RevertFailed, Unavailable
from chaos.faults.shared.link import LinkFault, Place, client, gone
from chaos.model.fault import Evidence, Undo
from chaos.model.platform import LinkShaper
from chaos.proxy.values import ToxicSpec

if TYPE_CHECKING:
    from chaos.proxy.confirm import Confirmation


class Down(LinkFault):
    """Connections are refused and open ones are closed, as if nothing listened at the other end."""

    kind: ClassVar[str] = "down"
    told_apart: ClassVar[bool] = False
    example: ClassVar[str] = "down: {link: web -> cache, for: 30s}"

    def toxics(self, where: str) -> tuple[ToxicSpec, ...]:
        return ()  # the whole proxy is switched off

    def inject(self, undo: Undo, platform: LinkShaper) -> None:
        place = Place.of(undo)
        client(place).set_enabled(place.proxy, False, lease=place.lease(undo))

    def evidence(self, found: Confirmation) -> Evidence:
        return Evidence(confirmed=True, text=f"{found.bitten} of {found.total} connections were refused")

    @staticmethod
    def revert(undo: Undo) -> None:
        """Enable the proxy. One that is not there any more needs nothing."""
        place = Place.of(undo)
        try:
            proxies = client(place)
            state = proxies.proxy(place.proxy)
            if state is not None and not state.enabled:
                proxies.set_enabled(place.proxy, True)
        except Unavailable as cause:
            if gone(place):
                return
            raise RevertFailed(
                f"down on {undo.where}: the proxy may still be disabled: {cause}. Enable it by hand: curl -X POST "
                f"-d '{{\"enabled\": true}}' http://{place.api}/proxies/{quote(place.proxy, safe='')}"
            ) from cause

    @staticmethod
    def is_present(undo: Undo) -> bool:
        place = Place.of(undo)
        try:
            state = client(place).proxy(place.proxy)
        except Unavailable:
            if gone(place):
                return False
            raise
        return state is not None and not state.enabled
