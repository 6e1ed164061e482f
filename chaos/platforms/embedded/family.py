"""All processes of one instance, also those that left its session or lost their parent: find, end, freeze, thaw."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from pathlib import Path

from chaos.errors import Unavailable
from chaos.platforms.embedded.identity import Process, send
from chaos.platforms.embedded.resolve import INSTANCE_VARIABLE, STATE_VARIABLE
from chaos.proc import Stat, boot_id, stat

PAUSE_S = 0.005


class Family:
    """The processes of one instance of the target in `state`; with `instance` None, of the whole target.

    A process belongs when it descends from the main process, or its environment says so, or it works in the
    instance's folder and nobody sits before it. The last is for programs that overwrite their environment to show a
    title, as PostgreSQL's backends do, once their parent is dead.
    """

    def __init__(self, state: Path, instance: str | None) -> None:
        self.main: Process | None = None
        self._folder = str(state / "data" / instance) if instance else str(state / "data")
        self._marks = {f"{STATE_VARIABLE}={state}".encode()}
        if instance:
            self._marks.add(f"{INSTANCE_VARIABLE}={instance}".encode())
        self._known: dict[int, int] = {}  # pid -> start ticks: a member stays one when its parent dies

    def members(self) -> dict[Process, Stat]:
        """Those alive now, zombies left out."""
        stats = _all_processes()
        never = _ancestors(os.getpid(), stats)
        found = {pid for pid, ticks in self._known.items() if pid in stats and stats[pid].start_ticks == ticks}
        main = self.main
        if main is not None and main.pid in stats and stats[main.pid].start_ticks == main.start_ticks:
            found.add(main.pid)
        found |= {pid for pid, about in stats.items() if pid not in found and self._is_marked(pid, about)}
        found -= never
        children: dict[int, list[int]] = {}
        for pid, about in stats.items():
            children.setdefault(about.parent, []).append(pid)
        todo = list(found)
        while todo:
            fresh = [child for child in children.get(todo.pop(), ()) if child not in found and child not in never]
            found.update(fresh)
            todo.extend(fresh)
        self._known = {pid: stats[pid].start_ticks for pid in found}
        boot = boot_id()
        return {Process(pid=pid, start_ticks=stats[pid].start_ticks, boot_id=boot): stats[pid] for pid in found}

    def _is_marked(self, pid: int, about: Stat) -> bool:
        try:
            with Path(f"/proc/{pid}/environ").open("rb") as file:
                if self._marks.issubset(file.read().split(b"\0")):
                    return True
            if about.tty:  # a person's shell, who looks into the folder
                return False
            where = str(Path(f"/proc/{pid}/cwd").readlink())
        except OSError:  # gone, or another user's
            return False
        return where == self._folder or where.startswith(self._folder + "/")

    async def end(self, *, grace_s: float = 0.0, within_s: float = 5.0) -> None:
        """Kill all of them, after `grace_s` in which they may leave by themselves. Raises: Unavailable."""
        begun = time.monotonic()
        while left := self.members():
            spent = time.monotonic() - begun
            if spent >= grace_s:
                for process in left:
                    send(process, signal.SIGKILL)
            if spent > grace_s + within_s:
                pids = ", ".join(str(process.pid) for process in left)
                raise Unavailable(f"processes do not die by SIGKILL: pid {pids}")
            await asyncio.sleep(PAUSE_S if spent < 0.1 else 4 * PAUSE_S)

    async def freeze(self, *, within_s: float = 5.0) -> None:
        """SIGSTOP to all, until no running one and no new one is found. Raises: Unavailable."""
        await self._all("T", signal.SIGSTOP, within_s)

    async def thaw(self, *, within_s: float = 5.0) -> None:
        """SIGCONT to all, until none is stopped. Raises: Unavailable."""
        await self._all("", signal.SIGCONT, within_s)

    async def _all(self, wanted: str, number: signal.Signals, within_s: float) -> None:
        deadline = time.monotonic() + within_s
        before: set[Process] | None = None
        while True:
            now = self.members()
            # Those that a debugger holds (t) cannot run either.
            pending = [one for one, about in now.items() if (about.state in "Tt") != bool(wanted)]
            if not pending and set(now) == before:
                return
            if time.monotonic() > deadline:
                pids = ", ".join(str(process.pid) for process in pending)
                raise Unavailable(f"{number.name} has no effect on pid {pids}")
            for process in pending:
                send(process, number)
            before = set(now)
            await asyncio.sleep(PAUSE_S)


def _all_processes() -> dict[int, Stat]:
    found = {}
    for name in os.listdir("/proc"):  # noqa: PTH208 - a quarter of the time of iterdir, and this is the hot path
        if name.isdigit():
            about = stat(int(name))
            if about is not None and about.state not in "ZX":
                found[int(name)] = about
    return found


def _ancestors(pid: int, stats: dict[int, Stat]) -> set[int]:
    """This process and all that it descends from: never a member, whatever their environment says."""
    found = {pid}
    while pid in stats and stats[pid].parent not in found:
        pid = stats[pid].parent
        found.add(pid)
    return found | {0, 1}
