"""Where a target runs, and the small capabilities that faults need of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Protocol, runtime_checkable

from chaos.model.base import Noun
from chaos.model.halt import Halt
from chaos.model.lease import Lease, Renewal
from chaos.model.target import Link

Progress = Callable[[str, str], None]  # an instance's name, and what happened to it


def silent(name: str, what: str) -> None:
    """A `Progress` that tells nobody."""


class Proxy(Noun):
    """One link proxy: `web-1 -> db` is the proxy's name, and what dials `listen` is passed on to `upstream`."""

    name: str
    client: str  # instance
    server: str  # instance
    link: Link
    listen: str  # host:port, as the link's client dials it
    upstream: str  # host:port
    # Where the target's network is not this machine's: plain data for chaos.platforms.reach, by which any process gets
    # to the proxy's API and measures through the proxy. Empty: both are dialled as they are.
    reach: dict[str, Any] = {}
    what: str = ""  # for people, where it really is: `Toxiproxy in container shop-toxiproxy-1`


class Instance(Noun):
    """One instance of a service, as the platform sees it now."""

    name: str
    service: str
    state: str  # running, paused, stopped, starting, failed, spare
    address: str = ""  # host:port, past the proxies
    pid: int | None = None
    start_ticks: int | None = None  # /proc/PID/stat field 22: with the pid and the boot id, a process for good
    restarts: int = 0
    healthy: bool = False
    # Which life of which container, where pids mean nothing on this machine: another one after every start.
    life: str = ""
    what: str = ""  # for people, what it really is there: `container shop-web-1`, `pid 4711`


class Inventory(Noun):
    """What there is on a platform, for the planner: no I/O is needed once one has it."""

    platform: str
    endpoint: str  # where the platform itself is controlled, recorded in every run and ledger entry
    variant: str
    instances: dict[str, Instance]
    proxies: dict[str, Proxy]
    proxy_api: str = ""  # host:port of the fault proxy's HTTP API
    sql: dict[str, str] = {}  # name -> connection string, resolved
    capabilities: frozenset[str] = frozenset()


class ServiceControl(Protocol):
    """What another process can do to the services of a running target, given the plain data of `Platform.control()`.

    Every call returns once the effect is there (or raises Unavailable), except that `crash` returns when the process
    is gone, whatever the restart policy does next. `lease` is given only to one that is a `LeaseKeeper` too.
    """

    def exists(self) -> bool:
        """Is the target still up, the same one? False means that no fault of it can be in place. Raises: Unavailable
        when that cannot be told."""

    def instance(self, name: str) -> Instance:
        """As it is now. Raises: KeyError for a name that is not the target's, Unavailable."""

    def crash(self, name: str, *, lease: str = "") -> None:
        """The main process dies by SIGKILL; the restart policy may act."""

    def kill(self, name: str, *, lease: str = "") -> None:
        """All its processes die by SIGKILL and it stays down until `start`."""

    def stop(self, name: str, *, lease: str = "") -> None:
        """It is asked to end (SIGTERM, then SIGKILL after its `stop-within`) and stays down until `start`."""

    def start(self, name: str) -> None:
        """It runs again and is ready. Idempotent."""

    def restart(self, name: str, *, lease: str = "") -> None:
        """`stop`, then `start`."""

    def pause(self, name: str, *, lease: str = "") -> None:
        """All its processes are frozen. Idempotent."""

    def unpause(self, name: str) -> None:
        """All its processes go on. Idempotent."""


@runtime_checkable
class LeaseKeeper(Protocol):
    """A `ServiceControl` that keeps leases too: its `crash`, `kill`, `stop`, `restart` and `pause` take `lease=ID`, and
    are undone by themselves when that lease runs out. One that ran out already refuses them."""

    def renew_lease(self, lease: Lease) -> Renewal:
        """Make it, or let it last `ttl_s` from now on. Raises: Unavailable."""

    def release_lease(self, name: str) -> None:
        """Give it back, and with it what is still under it. Idempotent. Raises: Unavailable."""


class Platform(Protocol):
    """A target that is up. Capabilities are offered by also having the members of the protocols below."""

    name: str
    started: bool  # by this call of `up`, so that its caller may take it down again

    @property
    def variant(self) -> str: ...

    def inventory(self) -> Inventory:
        """What there is now. Raises: Unavailable."""

    def control(self) -> dict[str, Any]:
        """Plain JSON data with which `chaos.platforms.service_control` reaches the services from any process; it goes
        into undo records. Has at least the key `platform`."""

    def instance(self, name: str) -> Instance:
        """As it is now, its health measured now. Raises: KeyError, Unavailable."""

    def entry_address(self, service: str) -> str:
        """host:port where customers come in, past the proxies. Raises: KeyError, Unavailable."""

    def entry_text(self, service: str) -> str:
        """The same for people, who come in from elsewhere than this process."""

    def fill(self, text: str, *, where: str) -> str:
        """Fill in `{python}`, `{variant}` and `{direct:SERVICE}`: for an invariant's command. Raises: SpecError."""

    def logs(self, instance: str, lines: int = 50) -> list[str]:
        """The last lines of one of `logged`. Raises: KeyError, Unavailable."""

    def follow(self, instance: str, lines: int = 10) -> Iterator[str]:
        """The last lines, and those to come until the target goes down. Raises: KeyError, Unavailable."""

    def logged(self) -> tuple[str, ...]:
        """Whose logs there are: the instances, and the platform's own parts."""

    def down(self) -> None:
        """Take it down; nothing of it stays behind but logs. Idempotent. Raises: Refused, Unavailable."""


class Station(Protocol):
    """Where a target that several machines may disturb keeps what all of them must know: the lock of the one run at a
    time, the leases of its faults, and that it is halted. It is there whether or not the target is up. Every call may
    raise Unavailable."""

    target: str

    @property
    def where(self) -> str:
        """For people, after `at`."""

    def reach(self) -> dict[str, Any]:
        """Plain data for `chaos.faults.shared.lease.beside`: who keeps the lock."""

    def equip(self, progress: Progress) -> None:
        """Have whoever keeps it there. Idempotent."""

    def release(self) -> None:
        """Nobody of ours needs it any more; it stays while another run's lease is kept there. Idempotent."""

    def runs(self) -> tuple[str, ...]:
        """The runs that hold a lease there, or whose faults are being taken back."""

    def claims(self) -> tuple[str, ...]:
        """Whose it is now, in words, until that lease is given back or runs out."""

    def halted(self) -> Halt | None:
        """The halt in force; None when there is none."""

    def halt(self, wanted: Halt) -> Halt:
        """Halt it, for everybody. When it is halted already, that halt stays. Returns the halt in force."""

    def resume(self) -> None:
        """Let everybody's runs go on. Idempotent."""


@runtime_checkable
class LinkShaper(Protocol):
    """Links run through fault proxies with Toxiproxy's API."""

    def proxy(self, name: str) -> Proxy:
        """The proxy of that name (`web-1 -> db`). Raises: KeyError."""

    @property
    def proxy_api(self) -> str:
        """host:port of the fault proxy's HTTP API."""


@runtime_checkable
class Killable(Protocol):
    """Services can be ended, held down and started again, through `service_control(platform.control())`."""

    def control(self) -> dict[str, Any]: ...

    def instance(self, name: str) -> Instance: ...

    killable: bool


@runtime_checkable
class Pausable(Protocol):
    """Services can be frozen and thawed, through `service_control(platform.control())`."""

    def control(self) -> dict[str, Any]: ...

    def instance(self, name: str) -> Instance: ...

    pausable: bool


@runtime_checkable
class ContainerControl(Protocol):
    """A `ServiceControl` whose services are containers: what is done around and inside one, on the engine's machine."""

    def running(self, name: str) -> str:
        """Which life of which container runs now; empty when none does. Raises: KeyError, Unavailable."""

    def lives(self, life: str) -> bool:
        """Does that life of a container of the target's still last? Raises: Unavailable when it cannot be told."""

    def inside(self, name: str, life: str, verb: str, /, **arguments: Any) -> Any:
        """What a verb of chaos.agent returns, done for that container. Raises: Unavailable, also when that life of it
        is over."""

    def beside(self, name: str, verb: str, /, **arguments: Any) -> tuple[str, Any]:
        """Who asks, and what the verb returns there: another instance in one of its networks, or else the engine's
        machine. The verb is given `address`, the instance's own. Raises: Unavailable."""

    def events(self, name: str, life: str, what: str) -> int:
        """How often the engine has told so of that container since that life of it began: `oom`, `die`. Raises:
        Unavailable."""


@runtime_checkable
class NetworkShaper(Protocol):
    """Packets of one service alone can be dropped and slowed down, in its own network."""

    def control(self) -> dict[str, Any]: ...

    def instance(self, name: str) -> Instance: ...

    shapes_network: bool


@runtime_checkable
class PacketMangler(Protocol):
    """Packets of one service alone can be damaged, doubled and put out of order: the engine's kernel has netem."""

    def control(self) -> dict[str, Any]: ...

    def instance(self, name: str) -> Instance: ...

    mangles_packets: bool


@runtime_checkable
class ResourceShaper(Protocol):
    """Processors and memory of one service alone can be limited and used up, in its own cgroup."""

    def control(self) -> dict[str, Any]: ...

    def instance(self, name: str) -> Instance: ...

    shapes_resources: bool


@runtime_checkable
class DiskShaper(Protocol):
    """File systems of one service alone can be filled, and its reading and writing slowed down."""

    def control(self) -> dict[str, Any]: ...

    def instance(self, name: str) -> Instance: ...

    shapes_disks: bool


@runtime_checkable
class TrafficShaper(Protocol):
    """The traffic's rate can be multiplied while it runs. Offered by the run's traffic, not by a platform."""

    def traffic_control(self) -> dict[str, Any]:
        """Plain JSON data with which any process can reach the generator: its control socket, pid and start time."""


@runtime_checkable
class Anything(Protocol):
    """Needs nothing of the platform: what users bring themselves."""


CAPABILITIES: dict[str, type] = {
    "LinkShaper": LinkShaper,
    "Killable": Killable,
    "Pausable": Pausable,
    "NetworkShaper": NetworkShaper,
    "PacketMangler": PacketMangler,
    "ResourceShaper": ResourceShaper,
    "DiskShaper": DiskShaper,
    "TrafficShaper": TrafficShaper,
    "Anything": Anything,
}
