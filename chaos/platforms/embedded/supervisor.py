"""`python -m chaos.platforms.embedded.supervisor STATE_DIR`: keeps a target's services as they shall be.

A process in a session of its own, without a terminal. It can die at any time: services go on, and the next supervisor
takes them over from the state on disk. Ends when the target is taken down.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import socket
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from chaos.clock import boottime_s
from chaos.errors import SaleproofError
from chaos.model.base import from_json, to_json
from chaos.model.lease import Lease, Leases
from chaos.platforms.embedded.identity import identify
from chaos.platforms.embedded.layout import Folder, try_lock, write
from chaos.platforms.embedded.ports import hold_again
from chaos.platforms.embedded.records import FAULT_PROXY, Resolved, Supervisor
from chaos.platforms.embedded.resolve import proxy_spec
from chaos.platforms.embedded.spawn import raise_open_files_limit
from chaos.platforms.embedded.unit import Gate, Unit
from chaos.platforms.embedded.wire import Answer, Request, Status, listening
from chaos.proc import boot_id

log = logging.getLogger("saleproof.supervisor")

# How often the leases are looked at: the event loop's timers stand still while the machine sleeps.
LOOK_S = 0.25
DOWN_GRACE_S = 1.5  # the data goes anyway: nobody needs long to say goodbye


class Supervision:
    """All instances of one target, the fault proxy among them."""

    def __init__(self, resolved: Resolved, folder: Folder) -> None:
        self._resolved = resolved
        self._folder = folder
        self._changed = asyncio.Event()
        self._going_down = False
        self._leases = Leases(folder.read_leases())
        self._returning: dict[str, asyncio.Task[None]] = {}
        self.done = asyncio.Event()
        specs = list(resolved.instances)
        if resolved.proxy_port:
            specs.insert(0, proxy_spec(resolved, folder))
        self._units = {spec.name: Unit(spec, folder) for spec in specs}
        for unit in self._units.values():
            unit.on_change = self._tell

    def adopt(self) -> None:
        """Take over what runs."""
        for unit in self._units.values():
            unit.adopt()

    async def resume(self) -> None:
        """Start what shall run, end what shall not."""
        await asyncio.gather(*(unit.resume(self._gate(unit)) for unit in self._units.values()))

    async def let_go(self) -> None:
        """Leave everything running."""
        await asyncio.gather(*(unit.let_go() for unit in self._units.values()))

    async def end_all(self) -> None:
        """All instances, at once. Raises: Unavailable for processes that cannot be ended."""
        grace_s = {name: min(unit.spec.stop_within_s, DOWN_GRACE_S) for name, unit in self._units.items()}
        ends = [unit.stop(within_s=grace_s[name]) for name, unit in self._units.items()]
        for problem in await asyncio.gather(*ends, return_exceptions=True):
            if isinstance(problem, BaseException):
                raise problem

    async def watch_leases(self) -> None:
        """Bring back what is down or paused under a lease that ran out. Until cancelled."""
        while True:
            if not self._going_down:
                self._look_at_leases()
            await asyncio.sleep(LOOK_S)

    def _look_at_leases(self) -> None:
        now_s = boottime_s()
        for name in self._leases.expire(now_s):
            log.warning("lease %r ran out: what is under it is brought back", name)
            with contextlib.suppress(OSError):  # the time that it ended is on disk already
                self._folder.write_leases(self._leases.known())
        for name, unit in self._units.items():
            returning = self._returning.get(name)
            over = unit.record.lease and not self._leases.is_held(unit.record.lease, now_s)
            if over and (returning is None or returning.done()):
                self._returning[name] = asyncio.create_task(self._bring_back(unit), name=f"return {name}")

    async def _bring_back(self, unit: Unit) -> None:
        """What fails is tried again at the next look, as long as it is still under the lease."""
        try:
            await unit.bring_back()
            log.info("%s: brought back, its lease is over", unit.spec.name)
        except (SaleproofError, OSError) as cause:
            log.error("%s cannot be brought back: %s", unit.spec.name, cause)  # noqa: TRY400

    def _lease(self, request: Request) -> Answer:
        """Raises: OSError when it cannot be written down: then it is not held."""
        if request.verb == "release":
            self._leases.release(request.lease)
            self._folder.write_leases(self._leases.known())
            self._look_at_leases()
            return Answer()
        try:
            became = self._leases.renew(Lease(id=request.lease, ttl_s=request.ttl_s), boottime_s())
        except ValueError as cause:
            return Answer(error=f"lease {request.lease!r}: {cause}")
        try:
            self._folder.write_leases(self._leases.known())
        except OSError:
            if became == "created":
                self._leases.release(request.lease)
            raise
        return Answer(lease=became)

    def _gate(self, unit: Unit) -> Gate:
        """What must have been ready before a first start: the fault proxy for who dials through it, and `after`."""
        dials = any(proxy.client == unit.spec.name for proxy in self._resolved.proxies)
        names = [*([FAULT_PROXY] if dials else []), *unit.spec.after]

        async def ready() -> None:
            await asyncio.gather(*(self._units[name].until_started() for name in names))

        return ready

    def _tell(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    def _statuses(self, healthy: dict[str, bool]) -> tuple[Status, ...]:
        return tuple(
            Status(instance=unit.instance(healthy=healthy[name]), note=unit.record.note, late=unit.record.late)
            for name, unit in self._units.items()
        )

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One caller, until it hangs up."""
        try:
            while line := await reader.readline():
                request = from_json(line, Request)
                if request.verb == "watch":
                    await self._stream(reader, writer)
                    return
                answer = await self._answer(request)
                if request.verb == "down":
                    self.done.set()  # also when whoever asked was killed meanwhile: nobody would come back for us
                writer.write(to_json(answer) + b"\n")
                await writer.drain()
        except (ConnectionError, ValueError) as cause:
            log.info("a caller is gone: %r", cause)
        except asyncio.CancelledError:  # we are ending
            pass
        finally:
            writer.close()

    async def _stream(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        gone = asyncio.create_task(reader.read())
        try:
            while not gone.done():
                changed = asyncio.create_task(self._changed.wait())
                healthy = {name: unit.record.state == "running" for name, unit in self._units.items()}
                writer.write(to_json(Answer(statuses=self._statuses(healthy))) + b"\n")
                await writer.drain()
                await asyncio.wait([gone, changed], return_when=asyncio.FIRST_COMPLETED)
                changed.cancel()
        finally:
            gone.cancel()

    async def _answer(self, request: Request) -> Answer:
        begun = time.monotonic()
        try:
            answer = await self._do(request)
        except SaleproofError as cause:
            answer = Answer(error=str(cause))
        except OSError as cause:
            answer = Answer(error=f"{request.verb} {request.name}: {cause}")
        if request.verb not in ("status", "lease"):
            took = time.monotonic() - begun
            log.info("%s %s: %s, %.3f s", request.verb, request.name, answer.error or "done", took)
        return answer

    async def _do(self, request: Request) -> Answer:
        if request.verb == "down":
            self._going_down = True
            await self.end_all()
            return Answer()
        if self._going_down:
            return Answer(error=f"the target '{self._resolved.target}' is going down")
        if request.verb in ("lease", "release"):
            return self._lease(request)
        if request.verb == "scale":
            return await self._scale(request.name, request.count)
        if request.name and request.name not in self._units:
            return Answer(error=f"no instance '{request.name}'", unknown=True)
        if request.verb == "status":
            answers = await asyncio.gather(*(unit.is_healthy() for unit in self._units.values()))
            statuses = self._statuses(dict(zip(self._units, answers, strict=True)))
            return Answer(statuses=tuple(s for s in statuses if request.name in ("", s.instance.name)))
        if request.name in ("", FAULT_PROXY):
            return Answer(error=f"{request.verb}: name an instance of a service", unknown=True)
        unit = self._units[request.name]
        undoings = {"start": unit.start, "unpause": unit.unpause}
        if request.verb in undoings:
            await undoings[request.verb]()
            return Answer()
        if request.lease and not self._leases.is_held(request.lease, boottime_s()):
            return Answer(error=f"{request.verb} {request.name}: the lease {request.lease!r} ran out, or is not known")
        doings = {
            "crash": unit.crash,
            "kill": unit.kill,
            "stop": unit.stop,
            "restart": unit.restart,
            "pause": unit.pause,
        }
        await doings[request.verb](request.lease)
        return Answer()

    async def _scale(self, service: str, count: int) -> Answer:
        units = [unit for unit in self._units.values() if unit.spec.service == service and service != FAULT_PROXY]
        if not units:
            return Answer(error=f"no service '{service}'", unknown=True)
        if not 0 <= count <= len(units):
            return Answer(error=f"{service} has {len(units)} slots: it cannot run {count} instances")
        await asyncio.gather(*(unit.start() for unit in units[:count]), *(unit.to_spare() for unit in units[count:]))
        return Answer()


async def supervise(folder: Folder, resolved: Resolved) -> None:
    """Until the target is taken down, or SIGTERM, which leaves its services running."""
    loop = asyncio.get_running_loop()
    supervision = Supervision(resolved, folder)
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, supervision.done.set)
    loop.add_signal_handler(signal.SIGHUP, lambda: None)
    server = await asyncio.start_unix_server(supervision.serve, sock=listening(folder.socket))
    try:
        supervision.adopt()
        await supervision.resume()
        watching = asyncio.create_task(supervision.watch_leases(), name="leases")
        # Without it nothing is brought back by itself: the next supervisor does better.
        watching.add_done_callback(lambda task: None if task.cancelled() else supervision.done.set())
        await supervision.done.wait()
        watching.cancel()
    finally:
        server.close()
        await supervision.let_go()


def main(arguments: list[str]) -> int:
    """Exit codes: 0 done, or another supervisor is at it already; 70 there is nothing to supervise."""
    folder = Folder(Path(arguments[0]))
    # Whoever called goes on at once, and is neither our parent nor our session's leader.
    if os.fork():
        os._exit(0)
    os.setsid()
    held = [socket.socket(fileno=int(number)) for number in arguments[1:]]
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    lock = try_lock(folder.supervisor_lock)
    if lock is None:
        return 0
    resolved = folder.resolved()
    if resolved is None or resolved.boot_id != boot_id() or folder.going_down.exists():
        log.error("there is nothing to supervise in %s", folder.path)
        return 70
    raise_open_files_limit()
    if not held:
        held = list(hold_again(resolved.all_ports()).sockets)
    myself = identify(os.getpid())
    assert myself is not None
    write(folder.supervisor, to_json(Supervisor(process=myself, since=datetime.now(UTC).isoformat(timespec="seconds"))))
    log.info("supervising %s (%s), pid %d", resolved.target, resolved.variant, myself.pid)
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(supervise(folder, resolved))
    log.info("ending")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
