"""Can a fault proxy be put beside this caller at all? Where not: one sentence, and what to write instead."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from chaos.errors import Refused
from chaos.platforms.compose import project
from chaos.platforms.compose.engine import Engine
from chaos.platforms.compose.project import Container
from chaos.platforms.compose.sidecar import ATTACHED_LABEL

if TYPE_CHECKING:
    from chaos.platforms.compose.attached import Pair

PROXY_VARIABLES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
TOXIPROXY = "ghcr.io/shopify/toxiproxy:2.12.0"


def refuse(engine: Engine, caller: Container, pairs: Sequence[Pair], own: Iterable[str]) -> None:
    """`own` are the places that have a fault proxy of the target's. Raises: Refused, Unavailable."""
    served = {pair.name for pair in pairs} & set(own)
    if served:
        raise Refused(f"{', '.join(sorted(served))}: the target's own Toxiproxy is on it already; faults go there")
    why = why_not(caller) or _shared(engine, caller)
    found = project.raw(engine, caller.id) or {}
    env = (found.get("Config") or {}).get("Env") or []
    for pair in pairs:
        reason = why or _through_a_proxy(env, pair)
        if reason:
            raise Refused(f"{pair.name}: {reason}.\n{instead(caller.service, pair.link.dest, pair.host, pair.port)}")


def why_not(caller: Container) -> str:
    """By its own network; empty when nothing speaks against it."""
    mode = caller.network_mode
    if mode == "host":
        return f"{caller.name} uses the machine's own network, where a redirect would catch everybody's traffic"
    if mode == "none":
        return f"{caller.name} has no network"
    if mode.startswith("container:"):
        return f"{caller.name} is in another container's network, and a redirect would catch that one's traffic too"
    return ""


def _shared(engine: Engine, caller: Container) -> str:
    with engine.calling("list containers") as client:
        everybody: list[dict[str, Any]] = client.api.containers()
    modes = {f"container:{caller.id}", f"container:{caller.name}"}
    guests = [
        one["Names"][0].lstrip("/")
        for one in everybody
        if one.get("HostConfig", {}).get("NetworkMode") in modes and ATTACHED_LABEL not in one["Labels"]
    ]
    return f"{', '.join(guests)} shares the network of {caller.name}, and would be redirected too" if guests else ""


def _through_a_proxy(env: Iterable[str], pair: Pair) -> str:
    """An HTTP client that is told of a proxy dials that one, and never the service."""
    if pair.link.protocol != "http" and pair.port not in (80, 443):
        return ""
    known = {name.upper(): value for name, _, value in (line.partition("=") for line in env)}
    named = [name for name in PROXY_VARIABLES if known.get(name)]
    spared = [word.strip().lstrip(".") for word in known.get("NO_PROXY", "").split(",") if word.strip()]
    host = pair.link.dest if not pair.outside else pair.host
    if not named or any(word == "*" or host == word or host.endswith("." + word) for word in spared):
        return ""
    return f"{pair.client} is told by {named[0]} to dial an HTTP proxy, and not {host}, which is not in NO_PROXY"


def instead(caller: str, dest: str, host: str, port: int) -> str:
    """What to write into the project's own files: a Toxiproxy that the caller dials."""
    upstream = f"{dest if not host or '.' not in host else host}:{port or 'PORT'}"
    listen = port or "PORT"
    return f"""\
Set this in the compose file instead, and `toxiproxy: toxiproxy` under platforms.compose in the target file:
    services:
      toxiproxy:
        image: {TOXIPROXY}
        command: [-host=0.0.0.0, -config=/toxiproxy.json]
        volumes: [./toxiproxy.json:/toxiproxy.json:ro]
        # toxiproxy.json: [{{"name": "{caller} -> {dest}", "listen": "0.0.0.0:{listen}", "upstream": "{upstream}"}}]
      {caller}:
        # where it is told to dial {upstream}: toxiproxy:{listen}"""
