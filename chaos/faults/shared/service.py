"""What all faults on services have in common: one instance, its process, and the way back to running."""

from __future__ import annotations

import time
from typing import Any, ClassVar, Self

import msgspec

from chaos.errors import RevertFailed, Unavailable
from chaos.faults.shared import process
from chaos.faults.shared.lease import Holder, beside
from chaos.faults.shared.process import Process
from chaos.model.base import Noun, from_plain, to_plain
from chaos.model.fault import ActsOn, Evidence, Undo
from chaos.model.platform import Instance, Killable, ServiceControl
from chaos.platforms import reach, service_control
from chaos.proc import boot_id

# What `kill`, `stop` and `crash` leave behind. A paused instance is another fault's, a spare one is nobody's.
DOWN = ("stopped", "failed", "starting")

# After `start` says ready, the platform's own health check may need a turn or two to see it.
HEALTHY_WITHIN_S = 15.0
LOOK_AGAIN_S = 0.05

# How long it must not answer to be called frozen or gone; a service that runs answers its health check in a few ms.
SILENCE_S = 0.5
HEARD_WITHIN_S = 2.0


class Question(Noun):
    """How a service is asked something small, past its proxies, from where one that dials it stands."""

    address: str
    protocol: str
    path: str
    reach: dict[str, Any] = {}  # for chaos.platforms.reach

    def outcome(self, timeout_s: float) -> str:
        """An outcome of chaos.proxy.probe: `answered`, `timeout`, `refused`, ... Raises: Unavailable."""
        return reach.ask(self.address, self.reach, self.protocol, self.path, timeout_s)


def question_to(where: str, platform: Any) -> Question | None:
    """A link that leads to it says how it is asked; nothing is known of what is said over tcp."""
    inventory = getattr(platform, "inventory", None)
    if inventory is None:
        return None
    found = inventory()
    for proxy in found.proxies.values():
        if proxy.server == where and proxy.link.protocol != "tcp":
            address = found.instances[where].address
            return Question(address=address, protocol=proxy.link.protocol, path=proxy.link.path, reach=proxy.reach)
    return None


def heard(question: Question | None) -> Question | None:
    """Only a question that is answered now: silence is no evidence where there was silence before. Who dials it may not
    be in its network, and reach it through the proxy alone. Raises: Unavailable."""
    return question if question is not None and question.outcome(HEARD_WITHIN_S) == "answered" else None


class Held(Noun):
    """The data of the undo record of a fault on a service."""

    control: dict[str, Any]  # for chaos.platforms.service_control
    before: Instance
    # The main process first. Empty where the target's processes are not this machine's: there the platform tells one
    # life of an instance from the next, and what others get from it is asked beside them.
    tree: tuple[Process, ...] = ()
    boot: str = ""
    # How it is asked, past its proxies. None: nobody dials it over a link, or whoever does was not answered before.
    question: Question | None = None

    @classmethod
    def of(cls, undo: Undo) -> Self:
        return from_plain(undo.data, cls)

    @property
    def main(self) -> Process:
        return self.tree[0]

    @property
    def name(self) -> str:
        """What it was, for people."""
        return (
            f"process {self.main.pid}" if self.tree else f"the main process of {self.before.what or self.before.name}"
        )

    def reach(self) -> ServiceControl:
        """Raises: Unavailable."""
        return service_control(self.control)

    def gone(self) -> bool:
        """Was the target taken down, or this machine booted, since? Then no fault on its services exists.
        Raises: Unavailable when that cannot be told."""
        rebooted = bool(self.boot) and boot_id() not in ("", self.boot)
        return rebooted or not self.reach().exists()


class ServiceFault(Noun):
    """A fault on one instance of a service."""

    kind: ClassVar[str]
    needs: ClassVar[type] = Killable
    acts_on: ClassVar[ActsOn] = "service"
    told_apart: ClassVar[bool] = False  # who is down is down

    def prepare(self, where: str, platform: Killable) -> Undo:
        """Raises: Unavailable when the instance does not run."""
        before = platform.instance(where)
        if before.state != "running" or (before.pid is None and not before.life):
            raise Unavailable(f"{where} is {before.state}, not running; {self.kind} has nothing to act on")
        held = Held(control=dict(platform.control()), before=before, question=heard(question_to(where, platform)))
        if before.pid is not None:
            tree = process.tree(before.pid)
            if not tree:
                raise Unavailable(f"{where} is said to run as process {before.pid}, which is not on this machine")
            held = msgspec.structs.replace(held, tree=tree, boot=boot_id())
        return Undo(kind=self.kind, where=where, data=to_plain(held))

    @staticmethod
    def holder(undo: Undo) -> Holder | None:
        return beside(Held.of(undo).control)

    @staticmethod
    def revert(undo: Undo) -> None:
        """It runs and is healthy again: by its restart policy, or started here."""
        held = Held.of(undo)
        try:
            if not held.gone():
                bring_up(held.reach(), undo.where)
        except Unavailable as cause:
            if _taken_down(held):
                return
            raise RevertFailed(
                f"{undo.kind} on {undo.where}: it may still be down: {cause}. Start it by hand: saleproof up"
            ) from cause

    @staticmethod
    def is_present(undo: Undo) -> bool:
        """Is it down? It is not once its restart policy has brought it back."""
        held = Held.of(undo)
        return not held.gone() and held.reach().instance(undo.where).state in DOWN


def _taken_down(held: Held) -> bool:
    """Did the target go away while something was asked of it?"""
    try:
        return held.gone()
    except Unavailable:
        return False


def bring_up(control: ServiceControl, name: str) -> None:
    """Return once it runs and is healthy. Leaves alone what is paused or spare. Raises: Unavailable."""
    found = control.instance(name)
    if found.state in DOWN:
        control.start(name)
        found = control.instance(name)
    until_s = time.monotonic() + HEALTHY_WITHIN_S
    while found.state in DOWN or (found.state == "running" and not found.healthy):
        if time.monotonic() > until_s:
            raise Unavailable(f"{name} is {found.state}{'' if found.healthy else ' and not healthy'}")
        time.sleep(LOOK_AGAIN_S)
        found = control.instance(name)


def ended(held: Held, now: Instance) -> bool:
    """Is the process of before gone, by the platform's word and by the machine's?"""
    if not held.tree:
        return now.life != held.before.life or now.state in DOWN
    same = (now.pid, now.start_ticks) == (held.before.pid, held.before.start_ticks)
    return not same and process.state(held.main) is None


def stays_down(undo: Undo) -> Evidence:
    """Confirm `kill` and `stop`: every process that was there has ended, and the restart policy does not act."""
    held = Held.of(undo)
    now = held.reach().instance(undo.where)
    if not held.tree:
        return _nobody_answers(held, now)
    left = [one.pid for one in held.tree if process.state(one) is not None]
    if left:
        return Evidence(confirmed=False, text=f"{len(left)} of {len(held.tree)} processes still run: {left[0]}")
    if now.state != "stopped":
        return Evidence(confirmed=False, text=f"process {held.main.pid} ended, but {undo.where} is {now.state}")
    return Evidence(confirmed=True, text=f"process {held.main.pid} ended, and {undo.where} stays down")


def _nobody_answers(held: Held, now: Instance) -> Evidence:
    """By the platform's word, and by one that asks the service from beside it."""
    what = now.what or now.name
    if now.state != "stopped":
        return Evidence(confirmed=False, text=f"{what} is {now.state}")
    if held.question is None:
        return Evidence(confirmed=True, text=f"{what} ended and stays down")
    outcome = held.question.outcome(SILENCE_S)
    if outcome == "answered":
        return Evidence(confirmed=False, text=f"{what} is said to have ended, and {now.name} still answers")
    return Evidence(confirmed=True, text=f"{what} ended and stays down; who asks it gets: {outcome}")
