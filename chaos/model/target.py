"""The system under test, as one file in `targets/` says it: services, links, traffic, SLIs, SLOs, platforms."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec

from chaos.model.base import Noun
from chaos.model.prometheus import PrometheusServer
from chaos.model.sli import Sli
from chaos.model.slo import Gates, Sla, Slo, SloEvent
from chaos.units import Duration, Rate, Ratio

Protocol = Literal["http", "postgres", "redis", "tcp"]


class Service(Noun):
    """A named part of the target. `count` instances run; `slots` are declared, for scaling out.

    `external` is host:port of one that is not the target's own, such as a payment provider: links to it can be
    disturbed, and nothing can be done to it itself."""

    name: str
    role: str = "service"
    count: int = 1
    slots: int = 1
    external: str = ""

    def instances(self) -> tuple[str, ...]:
        """`('web-1', 'web-2', ...)` for every slot; just `('db',)` for a service with one."""
        return (self.name,) if self.slots == 1 else tuple(f"{self.name}-{n}" for n in range(1, self.slots + 1))


class Link(Noun):
    """A dependency, written from the one that dials. There is one proxy per client instance and server instance."""

    source: str
    dest: str
    protocol: Protocol = "tcp"
    path: str = "/"  # http: what a round trip asks for

    @property
    def name(self) -> str:
        return f"{self.source} -> {self.dest}"


class Step(Noun):
    """One request of a journey. `{name}` in path, headers and body is filled from the target's values, from what an
    earlier step saved, from `uuid` or from `customer`."""

    name: str
    method: str
    path: str
    headers: dict[str, str] = {}
    body: Any = None  # sent as JSON
    save: dict[str, str] = {}  # variable -> dotted path in the JSON answer
    acknowledges: str | None = None  # the variable whose value the shop has promised to keep
    expect: tuple[int, int] = (200, 399)  # the statuses that are a good answer, both ends included


class Journey(Noun):
    """What one customer does, in order. `weight` is its share among the journeys."""

    name: str
    weight: int
    steps: tuple[str, ...]
    transaction: bool = False


class Value(Noun):
    """Where a variable of a step comes from: an integer range (both ends included) or a choice."""

    integer: tuple[int, int] | None = None
    choice: tuple[str, ...] | None = None


class Locust(Noun):
    """Locust makes the traffic: a master and workers of ours, and perhaps workers that somebody else starts."""

    file: str  # the locustfile, seen from the target file
    users: Annotated[int, msgspec.Meta(ge=1)]  # at `normal`; a profile multiplies them
    spawn_rate: Annotated[float, msgspec.Meta(gt=0)] = 10.0  # users a second, until all are there
    processes: Annotated[int, msgspec.Meta(ge=0, le=256)] = 1  # workers that are started here
    remote: Annotated[int, msgspec.Meta(ge=0, le=1000)] = 0  # workers that others start, on other machines
    listen: str = "127.0.0.1:5557"  # where workers find the master
    args: tuple[str, ...] = ()  # more arguments for Locust


class K6(Noun):
    """k6 makes the traffic: started here, or by somebody else who lets it write its results where we read them."""

    script: str | None = None  # the script, seen from the target file; needs k6 on PATH
    output: str | None = None  # a file that `k6 run --out json=FILE` writes, instead
    args: tuple[str, ...] = ()  # more arguments for `k6 run`


class Traffic(Noun):
    """The customers. `rate` counts journeys a second at `normal`; a profile multiplies it.

    With `locust` or `k6` that engine makes the traffic: there are no journeys, `rate` is about how many requests a
    second it makes, and the path of a step is the name that the engine has for it."""

    entry: str  # the service that customers talk to
    rate: Rate
    profiles: dict[str, float] = msgspec.field(default_factory=lambda: {"normal": 1.0})
    arrivals: Literal["poisson", "constant"] = "poisson"
    patience: Duration = Duration(10)
    think: Duration = Duration(0)
    steps: dict[str, Step] = {}
    groups: dict[str, tuple[str, ...]] = {}
    journeys: tuple[Journey, ...] = ()
    values: dict[str, Value] = {}
    locust: Locust | None = None
    k6: K6 | None = None

    @property
    def engine(self) -> str:
        """Whose program makes the traffic; empty: our own."""
        return "Locust" if self.locust is not None else "k6" if self.k6 is not None else ""


class Invariant(Noun):
    """What must be true once the shop is quiet, whatever the SLIs say.

    Either `sql` on a platform database, whose rows are violations and which may use `%(acknowledged)s` (the ids that
    the shop acknowledged to customers, as text), or a `command` that reads those ids as a JSON list on stdin and prints
    `{"ok": bool, "violations": [...], "checked": int}`. Tried until it holds or `within` has passed.
    """

    name: str
    sql: str | None = None  # the name of a database under `platforms.<platform>.sql`
    query: str | None = None
    command: tuple[str, ...] = ()
    env: dict[str, str] = {}
    within: Duration = Duration(10)


class Ready(Noun):
    """When a service counts as up. Exactly one is set; tried every 50 ms."""

    tcp: bool = False
    http: str | None = None  # a path; a status below 400
    postgres: str | None = None  # `/shop?user=shop_ro`: what follows host and port in a connection string
    redis: bool = False


class Restart(Noun):
    """A restart policy. `backoff` is waited before each restart."""

    policy: Literal["on-failure", "always", "never"] = "on-failure"  # whatever happened, after a failure, or not at all
    backoff: Duration = Duration(0.5)  # waited before each restart


class ProcessService(Noun):
    """How the embedded platform runs one service: a program, as an argument list. No shell is ever involved."""

    run: tuple[str, ...]
    env: dict[str, str] = {}
    after: tuple[str, ...] = ()
    ready: Ready = Ready(tcp=True)
    start_within: Duration = Duration(30)
    stop_within: Duration = Duration(5)
    stop_signal: Literal["TERM", "INT", "QUIT"] = "TERM"  # PostgreSQL: INT, or it waits for its clients to leave
    restart: Restart = Restart()


class Embedded(Noun):
    """The `embedded` part of a target file: processes on this machine's loopback."""

    services: dict[str, ProcessService]
    sql: dict[str, str] = {}  # name -> connection string, read-only, past the proxies
    env: dict[str, str] = {}  # for every service
    fault_proxy: tuple[str, ...] = ()  # another Toxiproxy server than ours, with `{port}` and `{config}`


class ComposeService(Noun):
    """How the compose platform finds one service among a project's containers.

    `service` is the Compose service of an instance, with `{instance}` and `{index}`; where it is the same for several
    instances, they are its containers number 1, 2, ...
    """

    port: int = 0  # where it listens inside its network; 0: nobody asks it directly
    service: str = "{instance}"


class Compose(Noun):
    """The `compose` part of a target file: containers of one Docker Compose project."""

    project: str  # its name, by which containers are found
    files: tuple[str, ...] = ()  # the Compose files, beside the target file; without them it cannot be brought up
    env: dict[str, str] = {}  # for `docker compose`
    toxiproxy: str = ""  # the Compose service that runs Toxiproxy for the links; empty: none does
    toxiproxy_port: int = 8474  # where its HTTP API listens inside its network
    entry: str = ""  # host:port where customers come in; empty: the published port of the traffic's entry
    up_within: Duration = Duration(120)
    volumes: Literal["keep", "remove"] = "keep"  # when it is taken down
    sql: dict[str, str] = {}  # name -> connection string, read-only, past the proxies
    services: dict[str, ComposeService]


class Platforms(Noun):
    embedded: Embedded | None = None
    compose: Compose | None = None

    def databases(self) -> dict[str, dict[str, str]]:
        """platform -> the databases that it names."""
        parts = {"embedded": self.embedded, "compose": self.compose}
        return {name: part.sql for name, part in parts.items() if part is not None}


class Target(Noun):
    """One target file. `path` and `text` are where it came from and what it said."""

    name: str
    title: str = ""
    environment: Literal["local", "staging", "production"] = "local"
    armed_by: str = ""  # the file of OpenSSH's allowed signers, seen from the target's own; empty: its name arms it
    variants: tuple[str, ...] = ("default",)
    services: dict[str, Service]
    links: dict[str, Link] = {}
    traffic: Traffic | None = None
    slis: dict[str, Sli] = {}
    prometheus: PrometheusServer | None = None  # None: none was named; SLIs that need one ask $PROMETHEUS_URL
    slos: tuple[Slo, ...] = ()
    events: dict[str, SloEvent] = {}
    slas: tuple[Sla, ...] = ()
    gates: Gates = Gates()
    invariants: tuple[Invariant, ...] = ()
    platforms: Platforms = Platforms()
    path: str = ""
    text: str = ""

    def instances(self) -> tuple[str, ...]:
        """Every declared instance of every service, in file order."""
        return tuple(name for service in self.services.values() for name in service.instances())

    def running(self, service: str) -> tuple[str, ...]:
        """The instances that are meant to run without scaling."""
        found = self.services[service]
        return found.instances()[: found.count]

    def prometheus_of(self, variant: str) -> PrometheusServer:
        """The server that its SLIs ask, with everything that a query's `{name}` may stand for."""
        server = self.prometheus or PrometheusServer()
        own = {"target": self.name, "variant": variant, "environment": self.environment}
        return msgspec.structs.replace(server, variables={**server.variables, **own})

    def service_of(self, instance: str) -> str:
        """`web` for `web-1`. Raises: KeyError."""
        for service in self.services.values():
            if instance in service.instances():
                return service.name
        raise KeyError(instance)


def smallest_share(share: Ratio, of: int) -> int:
    """How many of so many a share means: rounded to the nearest, at least one."""
    return max(1, round(float(share) * of))
