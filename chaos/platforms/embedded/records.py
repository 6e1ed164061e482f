"""What is kept on disk about a target that is up: what shall run, and for each instance what is."""

from __future__ import annotations

from typing import Literal

from chaos.model.base import Noun
from chaos.model.platform import Proxy
from chaos.model.target import Ready, Restart
from chaos.platforms.embedded.identity import Process

FAULT_PROXY = "fault-proxy"  # the fault proxy's name among the instances

Desired = Literal["running", "paused", "stopped", "spare"]


class Spec(Noun):
    """One instance, with everything filled in."""

    name: str
    service: str
    run: tuple[str, ...]
    env: dict[str, str]  # the whole environment
    port: int
    ports: dict[str, int] = {}  # the named ones, `{port:admin}`
    after: tuple[str, ...] = ()  # instances that must have been ready once before the first start
    ready: Ready = Ready(tcp=True)
    start_within_s: float = 30.0
    stop_within_s: float = 5.0
    stop_signal: Literal["TERM", "INT", "QUIT"] = "TERM"
    restart: Restart = Restart()
    spare: bool = False

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"


class Resolved(Noun):
    """A target as it was brought up. `up` is another one each time; after a reboot nothing of it is left."""

    up: str
    boot_id: str
    target: str
    variant: str
    path: str = ""  # the target file
    instances: tuple[Spec, ...]
    proxies: tuple[Proxy, ...] = ()
    proxy_port: int = 0  # the fault proxy's API; 0: no links, no proxy
    proxy_run: tuple[str, ...] = ()  # the fault proxy as an argument list
    sql: dict[str, str] = {}

    @property
    def proxy_api(self) -> str:
        return f"127.0.0.1:{self.proxy_port}" if self.proxy_port else ""

    def spec(self, name: str) -> Spec:
        """Raises: KeyError."""
        for spec in self.instances:
            if spec.name == name:
                return spec
        raise KeyError(name)

    def all_ports(self) -> tuple[int, ...]:
        own = [port for spec in self.instances for port in (spec.port, *spec.ports.values())]
        links = [int(proxy.listen.rpartition(":")[2]) for proxy in self.proxies]
        return (*own, *links, *([self.proxy_port] if self.proxy_port else []))

    def services(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(spec.service for spec in self.instances))


class Record(Noun):
    """One instance: what it shall be, and what it is. `note` is a line for people."""

    name: str
    desired: Desired
    process: Process | None = None
    ready: bool = False  # since its last start
    started: bool = False  # it was ready once
    failed: bool = False  # given up: it died again and again
    late: bool = False  # not ready within its time
    restarts: int = 0
    quick_deaths: int = 0  # in a row
    lease: str = ""  # held down or paused until then: at the end of this lease it is brought back
    note: str = ""

    @property
    def state(self) -> str:
        """In the words of `chaos.model.platform.Instance`."""
        if self.desired != "running":
            return self.desired
        if self.failed:
            return "failed"
        return "running" if self.ready and self.process is not None else "starting"


class Supervisor(Noun):
    """Which process supervises, and since when (UTC, ISO 8601)."""

    process: Process
    since: str
