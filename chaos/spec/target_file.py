"""The keys of a target file. The loader, the JSON Schema and the reference are made from these classes."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec

from chaos.model.base import Noun
from chaos.model.prometheus import PrometheusServer
from chaos.model.target import K6, Locust, Protocol, Restart
from chaos.spec.slo_file import EventPart, GatesPart, SlaPart, SloPart
from chaos.units import Duration, Rate

Count = Annotated[int, msgspec.Meta(ge=1, le=1000)]
Positive = Annotated[Duration, msgspec.Meta(gt=0)]
Path = Annotated[str, msgspec.Meta(pattern="^/")]
HostPort = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9.-]*:[0-9]{1,5}$", examples=["db.example:5432"])]


class ServicePart(Noun):
    """A named part of the target."""

    role: str = "service"  # what it is, in a word or two, for people
    count: Count = 1  # so many instances run
    slots: Count | None = None  # so many are declared, for scaling out; the same as `count` when left out
    external: HostPort | None = None  # host:port of one outside the project; only links to it can be disturbed


class LinkPart(Noun):
    """A dependency, written from the one that dials: `web -> db`."""

    protocol: Protocol = "tcp"  # how a round trip is made
    path: Path = "/"  # http: what a round trip asks for


class StepPart(Noun):
    """One request of a journey: exactly one of get, post, put, patch and delete, with its path."""

    get: Path | None = None  # a path; `{name}` is filled in
    post: Path | None = None  # the same
    put: Path | None = None  # the same
    patch: Path | None = None  # the same
    delete: Path | None = None  # the same
    headers: dict[str, str] = {}  # `{name}` is filled in
    json: Any = None  # the body, sent as JSON; `{name}` is filled in
    save: dict[str, str] = {}  # variable -> dotted path in the JSON answer, for later steps
    acknowledges: str | None = None  # the saved variable that the shop has promised to keep
    expect: str | int = "200-399"  # the statuses that are a good answer: `200` or `200-299`


class JourneyPart(Noun):
    """What one customer does, in order."""

    weight: Annotated[int, msgspec.Meta(ge=0)] = 1  # its share among the journeys
    steps: Annotated[tuple[str, ...], msgspec.Meta(min_length=1)]  # names of steps
    transaction: bool = False  # counted by the SLI `transactions`


class ValuePart(Noun):
    """Where a variable comes from: exactly one of the two."""

    integer: tuple[int, int] | None = None  # a range, both ends included
    choice: Annotated[tuple[str, ...], msgspec.Meta(min_length=1)] | None = None  # one of these words


class TrafficPart(Noun):
    """The customers: open-loop, so that a slow shop does not slow them down."""

    entry: str  # the service that customers talk to
    rate: Annotated[Rate, msgspec.Meta(gt=0)]  # journeys a second at the profile `normal`
    profiles: dict[str, Annotated[float, msgspec.Meta(gt=0, le=1000)]] = {}  # name -> multiple of the rate
    arrivals: Literal["poisson", "constant"] = "poisson"  # how customers are spread over time
    patience: Positive = Duration(10)  # a customer gives up after this, and that is a bad answer
    think: Duration = Duration(0)  # between two steps of a journey
    steps: dict[str, StepPart] = {}  # the requests that journeys are made of
    groups: dict[str, Annotated[tuple[str, ...], msgspec.Meta(min_length=1)]] = {}  # name -> steps, for conditions
    journeys: dict[str, JourneyPart] = {}  # what customers do
    values: dict[str, ValuePart] = {}  # variables for `{name}`
    locust: Locust | None = None  # Locust makes the traffic, instead of steps and journeys
    k6: K6 | None = None  # k6 does
    names: dict[str, str] = {}  # with either: step, for conditions -> the engine's name for it, or method and name


class PromqlPart(Noun):
    """What a Prometheus server is asked: `good` and `total`, or `histogram`, or `gauge`. `{name}` is filled in."""

    good: str | None = None  # a selector of the counters of good things, with `total`: no rate() and no sum()
    total: str | None = None  # a selector of the counters of all of them
    histogram: str | None = None  # a selector of a histogram in seconds, without _bucket; then `name.p95` is an SLI
    gauge: str | None = None  # a query that gives one number
    every: Positive | None = None  # gauge: how often it is asked where it is an expression, and for a budget (15s)
    service: str | None = None  # fills in `{service}`


class SliPart(Noun):
    """Something else to measure: exactly one of promql, prometheus, http and sql."""

    promql: PromqlPart | None = None  # what the Prometheus server of the target is asked
    prometheus: str | None = None  # the service whose metrics are read, from every instance
    http: str | None = None  # the service that is asked
    sql: str | None = None  # the database that is asked, as a platform's `sql` names it
    path: Path | None = None  # prometheus (/metrics), http: the path on that service
    histogram: str | None = None  # prometheus: the base name of a histogram in seconds; then `name.p95` is an SLI
    good: str | None = None  # prometheus: the counter of good things, with `total`
    total: str | None = None  # prometheus: the counter of all of them
    query: str | None = None  # sql: one row with one number
    json: str | None = None  # http: dotted path to a number in the answer; without it, the status


class InvariantPart(Noun):
    """What must be true once the target is quiet, whatever the SLIs say: `sql` with `query`, or `command`."""

    sql: str | None = None  # the database that is asked, as a platform's `sql` names it
    rows: Literal["none"] = "none"  # every row that the query returns is a violation
    query: str | None = None  # may use `%(acknowledged)s`, the ids that customers were promised
    command: Annotated[tuple[str, ...], msgspec.Meta(min_length=1)] | None = None  # reads those ids as JSON on stdin
    env: dict[str, str] = {}  # for the command
    within: Positive = Duration(10)  # tried until it holds or this has passed


class ReadyPart(Noun):
    """When a service counts as up: exactly one of the two, or the word `tcp` or `redis`."""

    http: Path | None = None  # a path that answers with a status below 400
    postgres: Path | None = None  # `/shop?user=shop_ro`: what follows host and port in a connection string


class ProcessPart(Noun):
    """How the embedded platform runs one service: a program and its arguments. No shell is involved."""

    run: Annotated[tuple[str, ...], msgspec.Meta(min_length=1)]  # the program and its arguments
    env: dict[str, str] = {}  # environment variables
    after: tuple[str, ...] = ()  # services that are up first
    ready: Literal["tcp", "redis"] | ReadyPart = "tcp"  # when it counts as up
    start_within: Positive = Duration(30)  # else starting has failed
    stop_signal: Literal["TERM", "INT", "QUIT"] = "TERM"  # how it is asked to end
    stop_within: Positive = Duration(5)  # then it is killed
    restart: Restart = Restart()  # what happens when it dies


class EmbeddedPart(Noun):
    """Processes on this machine's loopback."""

    services: dict[str, ProcessPart]  # one entry for every service
    sql: dict[str, str] = {}  # name -> connection string, read-only, past the proxies
    env: dict[str, str] = {}  # for every service
    fault_proxy: tuple[str, ...] = ()  # another Toxiproxy server than ours: {python}, {port} of its API, {config} file


Port = Annotated[int, msgspec.Meta(ge=1, le=65535)]


class ComposeServicePart(Noun):
    """How a service is found among the project's containers."""

    port: Port | None = None  # where it listens inside its network; for direct questions, past the proxies
    service: str = "{instance}"  # the Compose service; `{instance}` and `{index}` are filled in


class ComposePart(Noun):
    """Containers of one Docker Compose project."""

    project: Annotated[str, msgspec.Meta(pattern="^[a-z0-9][a-z0-9_-]*$")]  # its name: only its containers are touched
    files: tuple[str, ...] = ()  # the Compose files, seen from this file; without any it is never brought up here
    env: dict[str, str] = {}  # environment variables for `docker compose`; `{variant}` is filled in
    toxiproxy: str = ""  # the Compose service with the Toxiproxy server of the links
    toxiproxy_port: Port = 8474  # its HTTP API, inside its network
    entry: str = ""  # host:port where customers come in; else the port that the entry service publishes
    up_within: Positive = Duration(120)  # else bringing it up has failed
    volumes: Literal["keep", "remove"] = "keep"  # what becomes of its named volumes when it is taken down
    sql: dict[str, str] = {}  # name -> connection string, read-only, past the proxies
    services: dict[str, ComposeServicePart] = {}  # where the defaults do not fit


class PlatformsPart(Noun):
    """How each platform runs the target."""

    embedded: EmbeddedPart | None = None  # processes on this machine
    compose: ComposePart | None = None  # containers of a Docker Compose project


class TargetPart(Noun):
    """The system under test: services, links, traffic, SLIs, SLOs, invariants, platforms."""

    target: str  # its name, which experiments use
    title: str = ""  # for people
    environment: Literal["local", "staging", "production"] = "local"  # where it runs; production must be armed
    armed_by: str | None = None  # production: a file with the SSH keys that arm it where nobody can type its name
    variants: Annotated[tuple[str, ...], msgspec.Meta(min_length=1)] = ("default",)  # the first one is the default
    services: Annotated[dict[str, ServicePart], msgspec.Meta(min_length=1)]  # its parts
    links: dict[str, LinkPart] = {}  # `web -> db`, from the one that dials
    traffic: TrafficPart | None = None  # the customers
    slis: dict[str, SliPart] = {}  # what is measured besides the traffic
    prometheus: PrometheusServer | None = None  # the server that SLIs with `promql` ask
    slos: tuple[SloPart, ...] = ()  # its objectives
    events: dict[str, EventPart] = {}  # windows that happen once, such as the sale
    slas: dict[str, SlaPart] = {}  # what was promised on its objectives, and what breaking it costs
    gates: GatesPart = GatesPart()  # when the error budgets allow a run
    invariants: dict[str, InvariantPart] = {}  # what must always be true
    platforms: PlatformsPart = PlatformsPart()  # how each platform runs it
