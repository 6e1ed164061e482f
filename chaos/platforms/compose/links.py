"""The fault proxies of a Compose project's links: those of its Toxiproxy server, and those that were attached."""

from __future__ import annotations

from typing import Any

from chaos.errors import Unavailable
from chaos.model.base import Noun, from_plain, to_plain
from chaos.model.platform import Proxy
from chaos.model.target import Target
from chaos.platforms.compose import project
from chaos.platforms.compose.addresses import Addresses
from chaos.platforms.compose.agent import Agent
from chaos.platforms.compose.engine import Endpoint, connect
from chaos.platforms.compose.project import Container
from chaos.proxy.client import ToxiproxyClient
from chaos.proxy.values import ProxyState


class LinkReach(Noun):
    """How any process gets to one link's proxy, as plain data in undo records."""

    platform: str = "compose"
    endpoint: Endpoint
    project: str
    server: str  # id of the container whose network the proxy's API listens in
    life: str  # which life of it: toxics do not survive a restart
    api_port: int
    client: str  # id of the container that dials the link
    direct: str = ""  # host:port of what it leads to, past the proxy, as the client would dial it
    uid: int = 0  # as whom `direct` is asked: an attached proxy's redirect lets only its own user pass

    @classmethod
    def of(cls, plain: dict[str, Any]) -> LinkReach:
        return from_plain(plain, cls)

    def api(self) -> str:
        """host:port by which this process gets to the proxy's API. Raises: Unavailable when its container is gone or
        does not run."""
        engine = connect(self.endpoint)
        found = project.inspect(engine, self.server)
        address = Addresses(engine, self.project).of(found, self.api_port) if found is not None else ""
        if not address:
            raise Unavailable(f"the container {found.name if found else self.server[:12]} with the fault proxy is gone")
        return address

    def gone(self) -> bool:
        """Did the proxy's server end, or start anew, since? Then it has no toxic of ours. Raises: Unavailable."""
        found = project.inspect(connect(self.endpoint), self.server)
        return found is None or not found.pid or found.life != self.life

    def ask(self, protocol: str, path: str, timeout_s: float) -> str:
        """The outcome (chaos.proxy.probe) of the smallest exchange with what the link leads to, past the proxy, made
        from where its client stands. Raises: Unavailable."""
        found = self._agent("ask", address=self.direct, protocol=protocol, path=path, timeout_s=timeout_s, uid=self.uid)
        return str(found["outcome"])

    def measure(
        self, kind: str, where: dict[str, Any], attributes: dict[str, int], connections: int
    ) -> list[dict[str, Any]]:
        """`chaos.proxy.measure`, from where the link's client stands; from the proxy's own place when the client is
        down. Raises: Unavailable."""
        found: list[dict[str, Any]] = self._agent(
            "measure", kind=kind, where=where, attributes=attributes, connections=connections
        )
        return found

    def _agent(self, verb: str, **arguments: Any) -> Any:
        engine = connect(self.endpoint)
        ways = [project.inspect(engine, one) for one in (self.client, self.server) if one]
        place = next((one for one in ways if one is not None and one.pid), None)
        if place is None:
            raise Unavailable("neither the link's client nor its proxy runs")
        return Agent(engine, self.project).call(verb, place, **arguments)


def proxies_of(
    target: Target, assigned: dict[str, Container], server: Container, api_port: int, states: dict[str, ProxyState],
    endpoint: Endpoint,
) -> dict[str, Proxy]:  # fmt: skip
    """The link proxies that one Toxiproxy server has, by their names: `web-1 -> db`."""
    found: dict[str, Proxy] = {}
    for link in target.links.values():
        for client in target.services[link.source].instances():
            for dest in target.services[link.dest].instances():
                name = f"{client} -> {dest}"
                state, dials, leads_to = states.get(name), assigned.get(client), assigned.get(dest)
                if state is None:
                    continue
                reach = LinkReach(
                    endpoint=endpoint, project=server.project, server=server.id, life=server.life, api_port=api_port,
                    client=dials.id if dials is not None else "",
                    direct=_seen_by(dials, leads_to, state.upstream) if leads_to is not None else "",
                )  # fmt: skip
                found[name] = Proxy(
                    name=name, client=client, server=dest, link=link, listen=_seen_by(dials, server, state.listen),
                    upstream=state.upstream, reach=to_plain(reach), what=f"Toxiproxy in container {server.name}",
                )  # fmt: skip
    return found


def _seen_by(client: Container | None, server: Container, address: str) -> str:
    """The port of `address` on the server, at its address in a network that both are in."""
    port = address.rpartition(":")[2]
    shared = [name for name in server.networks if client is None or name in client.networks]
    return f"{server.networks[shared[0]] if shared else server.address}:{port}"


def states(address: str) -> dict[str, ProxyState]:
    """What a fault proxy's server has. Raises: Unavailable."""
    return ToxiproxyClient(address).proxies()
