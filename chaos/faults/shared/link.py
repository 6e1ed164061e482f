"""What all faults on links have in common: toxics of our own names on one proxy, put there and taken back."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Self
from urllib.parse import quote

import msgspec

from chaos.errors import RevertFailed, Unavailable
from chaos.faults.shared.lease import Holder, beside
from chaos.model.base import Noun, from_plain, to_plain
from chaos.model.fault import ActsOn, Evidence, Undo
from chaos.model.platform import LinkShaper
from chaos.model.target import Protocol
from chaos.platforms import reach
from chaos.proc import boot_id
from chaos.proxy.client import ToxiproxyClient
from chaos.proxy.values import ProxyState, Stream, ToxicSpec

if TYPE_CHECKING:
    from chaos.proxy.confirm import Confirmation
    from chaos.proxy.measure import Sample

# Enough for a median, few enough to be quick: three delays of 300 ms, one after the other, are a second.
CONNECTIONS = 3
# A link that takes longer than this to answer before the fault is a fault of its own.
ANSWER_S = 2.0


class Place(Noun):
    """The data of the undo record of a fault on a link. `before` is the proxy as it was."""

    api: str  # host:port
    proxy: str
    listen: str  # host:port, which the link's client dials
    protocol: Protocol
    path: str
    before: ProxyState
    toxics: tuple[ToxicSpec, ...]
    boot: str
    baseline: tuple[dict[str, Any], ...] = ()  # chaos.proxy.measure.Sample as plain data
    reach: dict[str, Any] = {}  # for chaos.platforms.reach: where the proxy is not on this machine's own network

    def lease(self, undo: Undo) -> str:
        """The lease that the fault proxy itself keeps; none where somebody else keeps it."""
        return "" if self.reach else undo.lease

    @classmethod
    def of(cls, undo: Undo) -> Self:
        return from_plain(undo.data, cls)


class LinkFault(Noun):
    """A fault on one link proxy. A subclass says which toxics it is made of, and how its measurement reads."""

    kind: ClassVar[str]
    needs: ClassVar[type] = LinkShaper
    acts_on: ClassVar[ActsOn] = "link"
    seen_as: ClassVar[str] = ""  # the kind that chaos.proxy.confirm judges it by; empty: its own

    def toxics(self, where: str) -> tuple[ToxicSpec, ...]:
        """The toxics for one place. Their names are made with `name`."""
        raise NotImplementedError(f"the fault {self.kind} has neither toxics nor a way of its own")

    def evidence(self, found: Confirmation) -> Evidence:
        """What was measured, next to what was intended, when it bit."""
        raise NotImplementedError(f"the fault {self.kind} does not say what was measured")

    @staticmethod
    def proxy_name(where: str) -> str:
        """The proxy of a place: its name is the place's."""
        return where

    def spread(self) -> float:
        """The ratio of connections that will show it: one bitten connection is enough below 1."""
        return float(getattr(self, "toxicity", 1.0))

    def connections(self) -> int:
        """How many connections are measured with."""
        from chaos.proxy.measure import connections_for

        return CONNECTIONS if self.spread() >= 1 else connections_for(self.spread())

    def baseline(self) -> int:
        """How many connections are measured with before the fault."""
        return CONNECTIONS

    def prepare(self, where: str, platform: LinkShaper) -> Undo:
        """Raises: Unavailable when the proxy is not there, is disabled, or lets no round trip through."""
        found = platform.proxy(self.proxy_name(where))
        api = reach.api(platform.proxy_api, found.reach)
        state = ToxiproxyClient(api).proxy(found.name)
        if state is None:
            raise Unavailable(f"{where}: the fault proxy at {api} has no proxy {found.name!r}")
        if not state.enabled:
            raise Unavailable(f"{where}: the proxy {found.name!r} is disabled already; enable it first")
        place = Place(
            api=api,
            proxy=found.name,
            listen=found.listen,
            protocol=found.link.protocol,
            path=found.link.path,
            before=state,
            toxics=self.toxics(where),
            boot="" if found.reach else boot_id(),
            reach=found.reach,
        )
        baseline = self._measure(place, self.baseline())
        if not any(sample.outcome == "answered" for sample in baseline):
            raise Unavailable(
                f"{where}: no round trip comes through {found.listen} as it is ({baseline[0].outcome}), "
                "so a fault there could not be confirmed"
            )
        plain = tuple(to_plain(sample) for sample in baseline)
        return Undo(kind=self.kind, where=where, data=to_plain(msgspec.structs.replace(place, baseline=plain)))

    def inject(self, undo: Undo, platform: LinkShaper) -> None:
        place = Place.of(undo)
        proxies = client(place)
        for toxic in place.toxics:
            proxies.add_toxic(place.proxy, toxic, lease=place.lease(undo))

    def confirm(self, undo: Undo, platform: LinkShaper) -> Evidence:
        """By connections of our own through the proxy, compared with those of `prepare`: chaos.proxy.confirm."""
        from chaos.proxy.confirm import judge
        from chaos.proxy.measure import Sample

        place = Place.of(undo)
        found = judge(
            self.seen_as or self.kind,
            _attributes(place),
            from_plain(place.baseline, tuple[Sample, ...]),
            self._measure(place, self.connections()),
            stream=_stream(place),
            toxicity=self.spread(),
        )
        if found.result == "bit":
            return self.evidence(found)
        return Evidence(confirmed=False, text=f"{found.result}: {found.says}", measured=found.during, unit=found.unit)

    def _measure(self, place: Place, connections: int) -> tuple[Sample, ...]:
        # Slow to import, and of no use to those who only read or revert.
        from chaos.proxy.measure import Where

        where = Where(
            address=place.listen,
            protocol=place.protocol,
            path=place.path,
            timeout_s=ANSWER_S,
            stream=_stream(place),
        )
        return reach.measure(place.reach, self.seen_as or self.kind, where, _attributes(place), connections)

    @staticmethod
    def holder(undo: Undo) -> Holder | None:
        place = Place.of(undo)
        return beside(place.reach) if place.reach else Holder(kind="fault proxy", reach={"api": place.api})

    @staticmethod
    def revert(undo: Undo) -> None:
        """Delete our toxics, and nobody else's."""
        place = Place.of(undo)
        try:
            proxies = client(place)
            for toxic in place.toxics:
                proxies.remove_toxic(place.proxy, toxic.name, known=place.before)
            left = [toxic for toxic in place.toxics if proxies.toxic(place.proxy, toxic.name) is not None]
        except Unavailable as cause:
            if gone(place):
                return
            raise _stuck(undo, place, place.toxics, str(cause)) from cause
        if left:
            raise _stuck(undo, place, left, "the fault proxy still lists it after deleting it")

    @staticmethod
    def is_present(undo: Undo) -> bool:
        """A proxy server that is gone, and one that was started anew, has no toxic of ours."""
        place = Place.of(undo)
        try:
            proxies = client(place)
            return any(proxies.toxic(place.proxy, toxic.name) is not None for toxic in place.toxics)
        except Unavailable:
            if gone(place):
                return False
            raise


def client(place: Place) -> ToxiproxyClient:
    """The client of the place's fault proxy server. Raises: Unavailable when there is no way to it."""
    return ToxiproxyClient(reach.api(place.api, place.reach))


def name(kind: str, part: str = "") -> str:
    """A toxic of ours has a name of ours, so that nobody else's is ever touched."""
    return f"saleproof-{kind}-{os.urandom(3).hex()}{part}"


def _attributes(place: Place) -> Mapping[str, int]:
    return place.toxics[0].attributes if place.toxics else {}


def _stream(place: Place) -> Stream:
    return place.toxics[0].stream if place.toxics else "downstream"


def gone(place: Place) -> bool:
    """Did the whole proxy server end? Toxics live in its memory alone. Only certainty counts: both of its addresses
    refuse, or this machine was booted anew. A server that hangs is not gone."""
    if place.reach:
        try:
            return reach.gone(place.reach)
        except Unavailable:
            return False
    local = place.api.startswith(("127.", "localhost:", "[::1]:"))
    if local and place.boot and boot_id() not in ("", place.boot):
        return True
    return _refuses(place.api) and _refuses(place.listen)


def _refuses(address: str) -> bool:
    import socket

    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=1).close()
    except ConnectionRefusedError:
        return True
    except OSError:
        return False
    return False


def by_hand(place: Place, toxic: str) -> str:
    """The command that takes a toxic away."""
    return f"curl -X DELETE http://{place.api}/proxies/{quote(place.proxy, safe='')}/toxics/{quote(toxic, safe='')}"


def _stuck(undo: Undo, place: Place, left: Sequence[ToxicSpec], why: str) -> RevertFailed:
    names = ", ".join(toxic.name for toxic in left)
    hands = "; ".join(by_hand(place, toxic.name) for toxic in left)
    return RevertFailed(
        f"{undo.kind} on {undo.where}: the toxic {names} may still be in place: {why}. Remove it by hand: {hands}"
    )
