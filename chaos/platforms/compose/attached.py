"""Links of a running project that were given a fault proxy without changing the project: attach, look, detach."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

import msgspec

from chaos.errors import SaleproofError, Unavailable, UsageError, nearest
from chaos.model.base import Noun, to_plain
from chaos.model.platform import Progress, Proxy, silent
from chaos.model.target import Link, Target
from chaos.platforms.compose import leftovers, project, sidecar
from chaos.platforms.compose.agent import Agent
from chaos.platforms.compose.attachable import instead, refuse
from chaos.platforms.compose.engine import Engine
from chaos.platforms.compose.links import LinkReach
from chaos.platforms.compose.notes import ATTACHED, Note
from chaos.platforms.compose.project import Container
from chaos.platforms.compose.sidecar import Sidecar, State
from chaos.platforms.compose.slots import assign, compose_part, slots

# The proxy's own user: one that nobody is. Where somebody is, the next one.
FIRST_UID = 64987
ASK_WITHIN_S = 3.0
AT_ONCE = 8


class Pair(Noun):
    """One client instance and what it dials over a link: the place of one proxy."""

    name: str  # `web-1 -> db`
    link: Link
    client: str
    server: str
    host: str  # by which the client finds it
    port: int
    outside: bool


class Attached(Noun):
    """What came of attaching one pair, for people and programs."""

    name: str
    leads_to: str  # host:port
    addresses: tuple[str, ...]  # those that are redirected
    bypassing: int  # connections that are older than the proxy, and go past it until they are recycled
    recycled: int
    ipv6: bool  # what is dialled by its IPv6 addresses is not redirected


class Attachments:
    """Of one target on one engine."""

    def __init__(self, target: Target, engine: Engine) -> None:
        self._target, self._engine = target, engine
        self._part = compose_part(target)
        self._agent = Agent(engine, self._part.project)

    # --- what there is

    def proxies(self, assigned: Mapping[str, Container]) -> dict[str, Proxy]:
        """Those of the attached links whose sidecar works for the caller as it is now. Raises: Unavailable."""
        found: dict[str, Proxy] = {}
        clients = {container.id: (name, container) for name, container in assigned.items()}
        there = [one for one in sidecar.sidecars(self._engine, self._part.project) if _is_fresh(one, clients)]
        if not there:
            return found
        with ThreadPoolExecutor(max_workers=AT_ONCE, thread_name_prefix="attached") as pool:
            for proxies in pool.map(lambda one: self._proxies(one, clients), there):
                found |= proxies
        return dict(sorted(found.items()))

    def _proxies(self, one: Sidecar, clients: Mapping[str, tuple[str, Container]]) -> dict[str, Proxy]:
        state = sidecar.state(self._engine, one)
        container = project.inspect(self._engine, one.id)
        if state is None or container is None or not container.pid:
            return {}
        name, caller = clients[one.caller]
        return {
            pair.name: self._proxy(pair, one, container, caller, state)
            for pair in self._pairs_of(name)
            if pair.name in state.links
        }

    def _proxy(self, pair: Pair, one: Sidecar, container: Container, caller: Container, state: State) -> Proxy:
        link = state.links[pair.name]
        # As the client dials it, so that what is measured goes by way of the redirect.
        dialled = f"{link.addresses[0]}:{link.port}" if link.addresses else f"127.0.0.1:{link.listen}"
        reach = LinkReach(
            endpoint=self._engine.endpoint, project=self._part.project, server=one.id, life=container.life,
            api_port=state.api_port, client=caller.id, direct=dialled, uid=one.uid,
        )  # fmt: skip
        return Proxy(
            name=pair.name, client=pair.client, server=pair.server, link=pair.link, listen=dialled,
            upstream=f"{link.host}:{link.port}", reach=to_plain(reach), what=f"fault proxy beside {caller.name}",
        )  # fmt: skip

    # --- attach

    def pairs(self, names: Iterable[str]) -> list[Pair]:
        """The places that links mean: `web -> db`, or `web-1 -> db` for one instance. Raises: UsageError."""
        found: dict[str, Pair] = {}
        every = {pair.name: pair for slot in slots(self._target) for pair in self._pairs_of(slot.name)}
        for name in names:
            meant = [pair for pair in every.values() if name in (pair.name, pair.link.name, *_halves(pair))]
            if not meant:
                known = [*self._target.links, *(n for n in every if n not in self._target.links)]
                raise UsageError(f"the target '{self._target.name}' has no link '{name}'.{nearest(name, known)}")
            found |= {pair.name: pair for pair in meant}
        return list(found.values())

    def _pairs_of(self, client: str) -> list[Pair]:
        """Everything that an instance dials by the target file; where it is found is looked up when it is attached."""
        service = self._target.service_of(client)
        return [
            Pair(
                name=f"{client} -> {server}", link=link, client=client, server=server, host="", port=0,
                outside=bool(self._target.services[link.dest].external),
            )
            for link in self._target.links.values()
            if link.source == service
            for server in self._target.services[link.dest].instances()
        ]  # fmt: skip

    def attach(
        self, names: Sequence[str], own: Iterable[str] = (), *, recycle: bool = False, progress: Progress = silent
    ) -> list[Attached]:
        """Give each of these links a fault proxy; `own` are the places that the target's own Toxiproxy serves.

        All of them or, when one cannot be, none of those that were not there before. Idempotent.
        Raises: UsageError; Refused, saying what to do instead; Unavailable.
        """
        assigned = assign(slots(self._target), project.containers(self._engine, self._part.project))
        before = self.proxies(assigned)
        wanted = self._wanted(names, assigned)
        for client, pairs in wanted.items():
            refuse(self._engine, assigned[client], [pair for pair in pairs if pair.name not in before], own)
        ATTACHED.write(Note(target=self._target.name, project=self._part.project, endpoint=self._engine.endpoint))
        done: list[Attached] = []
        begun: list[tuple[str, list[Pair]]] = []
        try:
            for client, pairs in wanted.items():
                begun.append((client, pairs))
                done += self._attach(assigned[client], pairs, recycle, progress)
        except BaseException:
            for client, pairs in begun:
                self._take_back(assigned[client], [pair.name for pair in pairs if pair.name not in before])
            raise
        return done

    def _wanted(self, names: Sequence[str], assigned: Mapping[str, Container]) -> dict[str, list[Pair]]:
        """client -> what it dials. Spare slots, where nothing runs, are left out unless they are named themselves.

        Raises: UsageError, Unavailable.
        """
        runs = {name for name, container in assigned.items() if container.pid}
        spare = {slot.name for slot in slots(self._target) if slot.spare} - runs
        wanted: dict[str, list[Pair]] = {}
        for pair in self.pairs(names):
            if pair.client in runs and (pair.server not in spare or pair.name in names):
                wanted.setdefault(pair.client, []).append(self._located(pair, assigned))
        if not wanted:
            raise Unavailable(f"nobody who dials {', '.join(names)} runs in the project '{self._part.project}'")
        return wanted

    def _located(self, pair: Pair, assigned: Mapping[str, Container]) -> Pair:
        """Raises: Unavailable, when it does not run or its port is not known."""
        service = self._target.services[pair.link.dest]
        if service.external:
            host, _, port = service.external.rpartition(":")
            return _at(pair, host, int(port))
        container = assigned.get(pair.server)
        if container is None or not container.pid:
            raise Unavailable(f"{pair.name}: {pair.server} does not run in the project '{self._part.project}'")
        number = self._part.services[pair.link.dest].port or (
            container.exposed[0] if len(container.exposed) == 1 else 0
        )
        if not number:
            raise Unavailable(
                f"{pair.name}: the port of {pair.server} is not known; say it in the target file: "
                f"platforms.compose.services.{pair.link.dest}.port"
            )
        return _at(pair, container.name, number)

    def _attach(self, caller: Container, pairs: list[Pair], recycle: bool, progress: Progress) -> list[Attached]:
        try:
            one = self._sidecar(caller)
            if one is None:
                progress(caller.name, "a sidecar joins its network")
                one = sidecar.start(self._engine, caller, self._free_uid(caller))
            add = {pair.name: {"host": pair.host, "port": pair.port, "outside": pair.outside} for pair in pairs}
            sidecar.call(self._engine, one, "divert", add=add, remove=[])
        except Unavailable as cause:
            advice = instead(caller.service, pairs[0].link.dest, pairs[0].host, pairs[0].port)
            raise Unavailable(f"{pairs[0].name}: it cannot be attached: {cause}.\n{advice}") from cause
        state = sidecar.state(self._engine, one)
        if state is None:
            raise Unavailable(f"the sidecar {one.name} ended; look at: docker logs {one.name}")
        for pair in pairs:
            self._prove(pair, caller, state)
        return [self._result(pair, one, state, recycle) for pair in pairs]

    def _prove(self, pair: Pair, caller: Container, state: State) -> None:
        """What answers past the proxy must answer through it. Raises: Unavailable."""
        link = state.links[pair.name]
        address = f"{link.addresses[0]}:{link.port}"
        through = self._ask(pair, caller, address, 0)
        if through != "answered" and self._ask(pair, caller, address, state.uid) == "answered":
            raise Unavailable(f"{pair.name}: {address} answers past the fault proxy and not through it ({through})")

    def _ask(self, pair: Pair, caller: Container, address: str, uid: int) -> str:
        found = self._agent.call(
            "ask", caller, address=address, uid=uid, protocol=pair.link.protocol, path=pair.link.path,
            timeout_s=ASK_WITHIN_S,
        )  # fmt: skip
        return str(found["outcome"])

    def _result(self, pair: Pair, one: Sidecar, state: State, recycle: bool) -> Attached:
        link = state.links[pair.name]
        counted = self._count(one, state, [pair.name], recycle)
        return Attached(
            name=pair.name, leads_to=f"{link.host}:{link.port}", addresses=link.addresses, ipv6=link.ipv6,
            bypassing=counted["bypassing"], recycled=counted["recycled"],
        )  # fmt: skip

    def _count(self, one: Sidecar, state: State, names: Sequence[str], recycle: bool = False) -> dict[str, int]:
        links = [state.links[name] for name in names]
        found: dict[str, int] = sidecar.call(
            self._engine, one, "bypassing", uid=one.uid, recycle=recycle,
            addresses=[(address, link.port) for link in links for address in link.addresses],
            proxies=[link.listen for link in links],
        )  # fmt: skip
        return found

    def _sidecar(self, caller: Container) -> Sidecar | None:
        """The caller's, if it works for the life that the caller has now; others of it are removed."""
        for one in sidecar.sidecars(self._engine, self._part.project):
            if one.caller == caller.id:
                if one.caller_life == caller.life and sidecar.state(self._engine, one) is not None:
                    return one
                sidecar.remove(self._engine, one)
        return None

    def _free_uid(self, caller: Container) -> int:
        taken = set(self._agent.call("users", caller))
        return next(uid for uid in range(FIRST_UID, FIRST_UID + 1000) if uid not in taken)

    # --- detach

    def detach(self, names: Sequence[str] = (), *, progress: Progress = silent) -> list[str]:
        """Take these away, or all: sidecar and redirect, read back to be gone. The names of what was there. Idempotent.

        Raises: UsageError; Unavailable, when something may be left.
        """
        wanted = {pair.name for pair in self.pairs(names)} if names else None
        gone: list[str] = []
        there = sidecar.sidecars(self._engine, self._part.project)
        note = ATTACHED.of(self._part.project, self._engine.endpoint)
        if not there and note is None:
            return gone
        for one in there:
            state = sidecar.state(self._engine, one)
            links = state.links if state is not None else {}
            leaving = [name for name in links if wanted is None or name in wanted]
            if wanted is not None and not leaving:
                continue
            for name in leaving:
                carried = self._count(one, state, [name])["through"] if state is not None else 0
                progress(name, f"detached, and {carried} connections through it cut" if carried else "detached")
            if len(leaving) == len(links):
                sidecar.remove(self._engine, one)
            else:
                sidecar.call(self._engine, one, "divert", add={}, remove=leaving)
            gone += leaving
        left = leftovers.clear(self._engine, self._part.project)
        if wanted is None and left:
            raise Unavailable(f"still there: {', '.join(one.name for one in left)}")
        if note is not None and not left:
            ATTACHED.remove(note)
        return sorted(gone)

    def _take_back(self, caller: Container, names: list[str]) -> None:
        """After an attach that failed. What cannot be taken back now, `detach` takes back."""
        for one in sidecar.sidecars(self._engine, self._part.project):
            if one.caller != caller.id:
                continue
            try:
                state = sidecar.state(self._engine, one)
                if state is None or state.links.keys() <= set(names):
                    sidecar.remove(self._engine, one)
                else:
                    sidecar.call(self._engine, one, "divert", add={}, remove=names)
            except SaleproofError:
                continue


def _is_fresh(one: Sidecar, clients: Mapping[str, tuple[str, Container]]) -> bool:
    """A caller that was started anew has another network: its old sidecar stands beside an empty one."""
    return one.caller in clients and clients[one.caller][1].life == one.caller_life


def _halves(pair: Pair) -> tuple[str, str]:
    """`web-1 -> db` and `web -> db-1`, where one side has several instances and only the other is named."""
    return f"{pair.client} -> {pair.link.dest}", f"{pair.link.source} -> {pair.server}"


def _at(pair: Pair, host: str, port: int) -> Pair:
    return msgspec.structs.replace(pair, host=host, port=port)
