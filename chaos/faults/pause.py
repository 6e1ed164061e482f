"""`pause`: a service that hangs."""

from __future__ import annotations

import time
from typing import ClassVar

from chaos.errors import RevertFailed, Unavailable
from chaos.faults.shared import process
from chaos.faults.shared.service import LOOK_AGAIN_S, Held, ServiceFault
from chaos.model.fault import Evidence, Undo
from chaos.model.platform import Instance, Pausable, Proxy

# How long it must not answer to be called frozen; a service that runs answers its health check in a few ms.
SILENCE_S = 0.5
THAW_WITHIN_S = 5.0


class Pause(ServiceFault):
    """All processes of the service are frozen: it accepts connections and never answers."""

    kind: ClassVar[str] = "pause"
    needs: ClassVar[type] = Pausable
    example: ClassVar[str] = "pause: {service: db, for: 10s}"

    def inject(self, undo: Undo, platform: Pausable) -> None:
        Held.of(undo).reach().pause(undo.where)

    def confirm(self, undo: Undo, platform: Pausable) -> Evidence:
        """Every one of its processes is stopped, and a request to it, past the proxies, gets no answer."""
        held = Held.of(undo)
        tree = process.tree(held.main.pid)
        awake = [one.pid for one in tree if process.state(one) not in ("T", None)]
        if awake or not tree:
            what = f"{len(awake)} of {len(tree)} processes still run: {awake[0]}" if awake else "its process is gone"
            return Evidence(confirmed=False, text=what)
        frozen = f"all {len(tree)} processes are stopped" if len(tree) > 1 else f"process {tree[0].pid} is stopped"
        link = _link_to(undo.where, platform)
        if link is None:
            return Evidence(confirmed=True, text=frozen)
        if not _silent(link, held.before.address):
            return Evidence(confirmed=False, text=f"{frozen}, but {held.before.address} still answers")
        return Evidence(confirmed=True, text=f"{frozen}, no answer within {SILENCE_S:g} s")

    @staticmethod
    def revert(undo: Undo) -> None:
        """Thaw it, through the platform or, when that does not answer, process by process."""
        held = Held.of(undo)
        why = ""
        try:
            if not held.gone():
                held.reach().unpause(undo.where)
        except Unavailable as cause:
            why = f" ({cause})"
        for one in _stopped(held):
            process.resume(one)  # told apart by their start times, so these are the ones that were paused
        until_s = time.monotonic() + THAW_WITHIN_S
        while left := _stopped(held):
            if time.monotonic() > until_s:
                pids = " ".join(str(one.pid) for one in left)
                raise RevertFailed(
                    f"pause on {undo.where}: {len(left)} processes are still stopped{why}. "
                    f"Let them go on by hand: kill -CONT {pids}"
                )
            time.sleep(LOOK_AGAIN_S)
        if why and _kept_paused(held):
            raise RevertFailed(
                f"pause on {undo.where}: its processes go on, but the platform still keeps it paused{why}. "
                "Take it down and up again by hand: saleproof down"
            )

    @staticmethod
    def is_present(undo: Undo) -> bool:
        """Is any of its processes still stopped? One that somebody else let go on is not paused any more, whatever its
        platform believes; another process in its place never was."""
        held = Held.of(undo)
        if _stopped(held):
            return True
        try:
            now = held.reach().instance(undo.where)
            return not held.gone() and now.state == "paused" and not _awake(now)
        except Unavailable:
            return False  # the platform does not answer, but the processes do


def _awake(now: Instance) -> bool:
    """Does the process that its platform knows run?"""
    if now.pid is None or now.start_ticks is None:
        return False
    return process.state(process.Process(pid=now.pid, start_ticks=now.start_ticks)) not in ("T", None)


def _kept_paused(held: Held) -> bool:
    try:
        return not held.gone() and held.reach().instance(held.before.name).state == "paused"
    except Unavailable:
        return False


def _stopped(held: Held) -> list[process.Process]:
    """The processes of before, and their children since, that are stopped."""
    now = process.tree(held.main.pid) if process.state(held.main) is not None else ()
    same_boot = process.boot_id() in ("", held.boot)
    return [one for one in {*held.tree, *now} if same_boot and process.state(one) == "T"]


def _link_to(where: str, platform: Pausable) -> Proxy | None:
    """A link that leads to it says how it is asked; a service that nobody dials over a link has none."""
    inventory = getattr(platform, "inventory", None)
    if inventory is None:
        return None
    return next(
        (one for one in inventory().proxies.values() if one.server == where and one.link.protocol != "tcp"), None
    )


def _silent(link: Proxy, address: str) -> bool:
    from chaos.proxy import probe

    try:
        probe.round_trip(address, link.link.protocol, path=link.link.path, timeout_s=SILENCE_S)
    except probe.ProbeTimeout:
        return True
    except probe.ProbeError:
        return False
    return False
