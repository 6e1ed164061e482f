"""`pause`: a service that hangs."""

from __future__ import annotations

import time
from typing import ClassVar

from chaos.errors import RevertFailed, Unavailable
from chaos.faults.shared import process
from chaos.faults.shared.lease import under
from chaos.faults.shared.service import LOOK_AGAIN_S, SILENCE_S, Held, ServiceFault
from chaos.model.fault import Evidence, Undo
from chaos.model.platform import Instance, Pausable
from chaos.proc import boot_id

THAW_WITHIN_S = 5.0


class Pause(ServiceFault):
    """All processes of the service are frozen: it accepts connections and never answers."""

    kind: ClassVar[str] = "pause"
    needs: ClassVar[type] = Pausable
    example: ClassVar[str] = "pause: {service: db, for: 10s}"

    def inject(self, undo: Undo, platform: Pausable) -> None:
        Held.of(undo).reach().pause(undo.where, **under(undo.lease))

    def confirm(self, undo: Undo, platform: Pausable) -> Evidence:
        """Every one of its processes is stopped, and a request to it, past the proxies, gets no answer."""
        held = Held.of(undo)
        if held.tree:
            tree = process.tree(held.main.pid)
            awake = [one.pid for one in tree if process.state(one) not in ("T", None)]
            if awake or not tree:
                gone = "its process is gone"
                what = f"{len(awake)} of {len(tree)} processes still run: {awake[0]}" if awake else gone
                return Evidence(confirmed=False, text=what)
            frozen = f"all {len(tree)} processes are stopped" if len(tree) > 1 else f"process {tree[0].pid} is stopped"
        else:
            now = held.reach().instance(undo.where)
            if now.state != "paused":
                return Evidence(confirmed=False, text=f"{now.what} is {now.state}")
            frozen = f"{now.what} is paused"
        if held.question is None:
            return Evidence(confirmed=True, text=frozen)
        if held.question.outcome(SILENCE_S) != "timeout":
            return Evidence(confirmed=False, text=f"{frozen}, but {undo.where} still answers")
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
            if not held.tree:
                raise RevertFailed(
                    f"pause on {undo.where}: {held.before.what} may still be paused: {cause}. "
                    f"Let it go on by hand: docker unpause {held.before.what.removeprefix('container ')}"
                ) from cause
            why = f" ({cause})"
        until_s = time.monotonic() + THAW_WITHIN_S
        while left := _stopped(held):
            for one in left:
                process.resume(one)  # told apart by their start times, so these are the ones that were paused
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
        if not held.tree:
            return not held.gone() and held.reach().instance(undo.where).state == "paused"
        if _stopped(held):
            return True
        try:
            now = held.reach().instance(undo.where)
            return now.state == "paused" and not held.gone() and not _awake(now)
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
    if not held.tree:
        return []
    now = process.tree(held.main.pid) if process.state(held.main) is not None else ()
    same_boot = boot_id() in ("", held.boot)
    return [one for one in {*held.tree, *now} if same_boot and process.state(one) == "T"]
