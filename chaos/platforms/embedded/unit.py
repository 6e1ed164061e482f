"""One instance under supervision: started, watched, restarted as its policy says, and ended."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import subprocess
from collections.abc import Awaitable, Callable

import msgspec

from chaos.errors import Unavailable
from chaos.model.platform import Instance
from chaos.platforms.embedded.family import Family
from chaos.platforms.embedded.identity import Watch, age_s, alive, send
from chaos.platforms.embedded.layout import Folder
from chaos.platforms.embedded.policy import QUICK_S, after_death
from chaos.platforms.embedded.ready import is_ready
from chaos.platforms.embedded.records import FAULT_PROXY, Record, Spec
from chaos.platforms.embedded.spawn import PortTaken, how_ended, spawn

log = logging.getLogger("saleproof.supervisor")

Gate = Callable[[], Awaitable[None]]

ORPHANS_GRACE_S = 1.0  # children that notice their parent's death leave by themselves within this
PROBE_S = 0.05
SLOW_PROBE_S = 0.5  # once it is late


class Unit:
    """The instance `spec`. Everything that it knows is on disk before anybody is told."""

    def __init__(self, spec: Spec, folder: Folder) -> None:
        self.spec = spec
        self.record = folder.record(spec.name) or Record(name=spec.name, desired="spare" if spec.spare else "running")
        self._folder = folder
        self._family = Family(folder.path, spec.name)
        self._child: subprocess.Popen[bytes] | None = None  # only while we are its parent
        self._watch: Watch | None = None
        self._life: asyncio.Task[None] | None = None
        self._lock = asyncio.Lock()  # one command at a time
        self._changed = asyncio.Event()
        self._crash_is_ours = False
        self.on_change: Callable[[], None] = lambda: None

    def adopt(self) -> None:
        """Take over the process that the state on disk names, whoever started it."""
        if self.record.process is None:
            return
        if alive(self.record.process):
            self._watch = Watch(self.record.process)
            self._family.main = self.record.process
        else:
            self._note(process=None, ready=False, note="died while nobody looked")

    def live(self, gate: Gate | None = None, *, died: bool = False) -> None:
        """Keep it running from now on, the first start after `gate`; with `died`, the next as its policy says."""
        if self._life is None or self._life.done():
            self._life = asyncio.create_task(self._run(gate, died), name=self.spec.name)

    def instance(self, *, healthy: bool) -> Instance:
        process = self.record.process
        return Instance(
            name=self.spec.name,
            service=self.spec.service,
            state=self.record.state,
            address=self.spec.address,
            pid=process.pid if process else None,
            start_ticks=process.start_ticks if process else None,
            restarts=self.record.restarts,
            healthy=healthy,
            what=f"process {process.pid}" if process else "",
        )

    async def is_healthy(self) -> bool:
        """Answers it now?"""
        return self.record.state == "running" and await is_ready(self.spec.ready, self.spec.port)

    async def until_started(self) -> None:
        """Returns once it has been ready."""
        while not self.record.started:
            await self._changed.wait()

    # --- commands: each returns when its effect is there, and raises Unavailable when it cannot be

    # --- with `lease` they are undone at its end, which is the supervision's to see

    async def crash(self, lease: str = "") -> None:
        async with self._lock:
            watch = self._watch
            if self.record.desired != "running" or watch is None or watch.ended.is_set():
                raise Unavailable(f"{self.spec.name} is {self.record.state}: there is no process to crash")
            self._note(durably=True, lease=lease)
            self._crash_is_ours = True
            self._family.members()  # so that its children are known as its own when it is gone
            send(watch.process, signal.SIGKILL)
            if not await watch.wait(5):
                raise Unavailable(f"{self.spec.name}: pid {watch.process.pid} does not die by SIGKILL")

    async def kill(self, lease: str = "") -> None:
        await self._end("killed", within_s=None, lease=lease)

    async def stop(self, lease: str = "", *, within_s: float | None = None) -> None:
        """Ask, wait at most `within_s` (default: its `stop-within`), then kill."""
        await self._end("stopped", within_s=self.spec.stop_within_s if within_s is None else within_s, lease=lease)

    async def start(self) -> None:
        async with self._lock:
            if self.record.desired == "paused":
                await self._family.thaw()
            if self.record.started and self.record.process is None:
                await self._end_life()  # it may be waiting for its next try: this is the next try
            if self.record.lease:
                self._note(lease="")  # whoever starts it wants it to run
            if self.record.desired != "running" or self.record.failed:
                self._note(desired="running", failed=False, late=False, quick_deaths=0, note="starting")
            self.live()
        try:
            async with asyncio.timeout(self.spec.start_within_s):
                while self.record.state == "starting":
                    await self._changed.wait()
        except TimeoutError:
            raise Unavailable(f"{self.spec.name} is not ready after {self.spec.start_within_s:g} s") from None
        if self.record.state != "running":
            raise Unavailable(f"{self.spec.name} does not run: it is {self.record.state}: {self.record.note}")

    async def restart(self, lease: str = "") -> None:
        await self.stop(lease)
        await self.start()

    async def pause(self, lease: str = "") -> None:
        async with self._lock:
            if self.record.process is None or self.record.desired not in ("running", "paused"):
                raise Unavailable(f"{self.spec.name} is {self.record.state}: there is nothing to pause")
            # Written first: a process that stands still is never without the reason on disk.
            self._note(durably=True, desired="paused", lease=lease, note="paused")
            await self._family.freeze()

    async def unpause(self) -> None:
        async with self._lock:
            if self.record.desired == "paused":
                await self._family.thaw()
                self._note(desired="running", lease="", note="")

    async def bring_back(self) -> None:
        """What its lease was for is over. Raises: Unavailable."""
        if not self.record.lease:
            return  # somebody else was quicker
        if self.record.desired == "paused":
            await self.unpause()
        elif self.record.desired == "stopped" or self.record.failed:
            await self.start()
        else:
            self._note(lease="")

    async def to_spare(self) -> None:
        """Down, and as if it had never been needed."""
        await self.stop()
        self._note(desired="spare", note="")

    async def resume(self, gate: Gate) -> None:
        """Bring about what the state on disk wants, after `adopt`."""
        here = self._watch is not None
        if self.record.desired in ("stopped", "spare"):
            if here:
                await self.kill()
        elif not self.record.failed:
            if here and self.record.desired == "paused":
                await self._family.freeze()
            self.live(gate, died=self.record.started and not here)

    async def let_go(self) -> None:
        """Stop watching; the process goes on."""
        await self._end_life()
        if self._watch is not None:
            self._watch.close()

    # --- the inside

    def _note(self, *, durably: bool = False, **changes: object) -> None:
        """Raises, when `durably`: OSError, and nothing has changed. Otherwise a full disk keeps nobody from putting
        things back: what it could not take is written with the next change."""
        record = msgspec.structs.replace(self.record, **changes)
        try:
            self._folder.write_record(record)
        except OSError as cause:
            if durably:
                raise
            log.warning("%s: its state is not on disk: %s", self.spec.name, cause)
        self.record = record
        self._changed.set()
        self._changed = asyncio.Event()
        self.on_change()

    async def _end(self, word: str, *, within_s: float | None, lease: str = "") -> None:
        async with self._lock:
            if self.record.desired == "spare" and self.record.process is None:
                return
            # Under a lease it is a fault, and nobody is disturbed before it is written down.
            self._note(durably=bool(lease), desired="stopped", failed=False, lease=lease, note=f"being {word}")
            await self._end_life()
            family, watch = self._family, self._watch
            if within_s is not None and watch is not None:
                family.members()
                send(watch.process, signal.Signals[f"SIG{self.spec.stop_signal}"])
                with contextlib.suppress(Unavailable):
                    await family.thaw(within_s=0.5)
                await watch.wait(within_s)
            await family.end()
            if watch is not None:
                await watch.wait(5)
            self._reap()
            self._note(process=None, ready=False, note=word)

    async def _end_life(self) -> None:
        if self._life is not None:
            self._life.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._life
            self._life = None

    async def _run(self, gate: Gate | None, died: bool) -> None:
        """Until it is not to run any more: start, wait for the end, decide, pause."""
        if gate is not None and not self.record.started and self._watch is None:
            await gate()
        try:
            if died and not await self._again(None, lived_s=QUICK_S):
                return
            while True:
                lived_s, code = 0.0, None
                try:
                    if self._watch is None:
                        await self._spawn()
                    lived_s, code = await self._until_ended()
                except (PortTaken, OSError) as cause:
                    self._note(note=str(cause))
                    if not self.record.started:
                        self._note(failed=True)
                        return
                except Unavailable as cause:
                    self._note(note=str(cause))
                if not await self._again(code, lived_s=lived_s):
                    return
        except Unavailable as cause:  # processes that cannot be ended
            log.exception("%s", self.spec.name)
            self._note(failed=True, note=str(cause))

    async def _spawn(self) -> None:
        # What a dead one left behind holds ports and memory, and may be many processes.
        await self._family.end(grace_s=ORPHANS_GRACE_S if self.record.started else 0.0)
        self._child, process = spawn(self.spec, self._folder)
        self._watch = Watch(process)
        self._family.main = process
        self._note(process=process, ready=False, late=False, note="starting")
        log.info("%s started, pid %d", self.spec.name, process.pid)
        if self.spec.name == FAULT_PROXY and self.record.restarts:
            log.warning("the fault proxy was restarted with the same ports and proxies: its toxics are gone")

    async def _until_ended(self) -> tuple[float, int | None]:
        """Seconds that it lived, and its exit status."""
        assert self._watch is not None
        process = self._watch.process
        probe = None if self.record.ready else asyncio.create_task(self._probe())
        try:
            await self._watch.ended.wait()
        finally:
            if probe is not None:
                probe.cancel()
        lived_s = age_s(process)
        code = self._reap()
        self._note(process=None, ready=False, note=f"ended with {how_ended(code)}")
        log.warning("%s, pid %d: %s", self.spec.name, process.pid, self.record.note)
        return lived_s, code

    def _reap(self) -> int | None:
        """Forget the dead process; its exit status where we are its parent."""
        code = None
        if self._child is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                code = self._child.wait(timeout=1)
            self._child = None
        if self._watch is not None:
            self._watch.close()
            self._watch = None
        return code

    async def _probe(self) -> None:
        process = self.record.process
        while process is not None:
            age = age_s(process)
            if self.record.desired == "running" and await is_ready(self.spec.ready, self.spec.port):
                log.info("%s ready after %.2f s", self.spec.name, age)
                self._note(ready=True, started=True, late=False, note=f"ready after {age:.1f} s")
                return
            if age > self.spec.start_within_s and not self.record.late:
                self._note(late=True, note=f"not ready after {self.spec.start_within_s:g} s")
            await asyncio.sleep(SLOW_PROBE_S if self.record.late else PROBE_S)

    async def _again(self, code: int | None, *, lived_s: float) -> bool:
        """Wait as the policy says; False when it stays down."""
        while self.record.desired == "paused":  # whoever died in its sleep is not woken
            await self._changed.wait()
        ours, self._crash_is_ours = self._crash_is_ours, False
        then = after_death(
            self.spec.restart,
            code=code,
            lived_s=lived_s,
            quick_deaths=self.record.quick_deaths,
            started=self.record.started,
            on_purpose=ours,
        )
        note = f"{self.record.note}; {then.why}"
        if then.what == "again":
            self._note(quick_deaths=then.quick_deaths, note=note)
            await asyncio.sleep(then.backoff_s)
            self._note(restarts=self.record.restarts + 1)
            return True
        log.error("%s stays down: %s", self.spec.name, note)
        await self._family.end(grace_s=ORPHANS_GRACE_S)
        if then.what == "failed":
            self._note(failed=True, quick_deaths=then.quick_deaths, note=note)
        else:
            self._note(desired="stopped", note=note)
        return False
