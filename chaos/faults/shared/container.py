"""What all faults that only containers allow have in common: one container's one life, and what is put into it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, Self

import msgspec

from chaos.errors import RevertFailed, Unavailable
from chaos.faults.shared.lease import Holder, beside
from chaos.model.base import Noun, from_plain, to_plain
from chaos.model.fault import ActsOn, Evidence, Undo
from chaos.model.platform import ContainerControl, Instance
from chaos.platforms import container_control


class Containers(Protocol):
    """What every capability of containers has."""

    def control(self) -> dict[str, Any]: ...

    def instance(self, name: str) -> Instance: ...


class Contained(Noun):
    """The data of the undo record of a fault in a container."""

    control: dict[str, Any]
    before: Instance
    mark: str  # in the name of everything that is put there: `saleproof_3fa94c`
    facts: dict[str, Any] = {}  # what was found there before, and what `revert` needs besides; each fault's own

    @classmethod
    def of(cls, undo: Undo) -> Self:
        return from_plain(undo.data, cls)

    def inside(self) -> Inside:
        """Raises: Unavailable."""
        return Inside(control=container_control(self.control), where=self.before.name, life=self.before.life)


@dataclass(frozen=True, kw_only=True)
class Inside:
    """One life of one container, and how things are done there."""

    control: ContainerControl
    where: str
    life: str

    def call(self, verb: str, **arguments: Any) -> Any:
        """A verb of chaos.agent. Raises: Unavailable."""
        return self.control.inside(self.where, self.life, verb, **arguments)

    def beside(self, verb: str, **arguments: Any) -> tuple[str, Any]:
        """Who asks, and what came of it. Raises: Unavailable."""
        return self.control.beside(self.where, verb, **arguments)

    def told(self, what: str) -> int:
        """How often the engine has told so of it: `oom`, `die`. Raises: Unavailable."""
        return self.control.events(self.where, self.life, what)

    def lives(self) -> bool:
        """Does that life still last? What was put there ends with it. Raises: Unavailable when it cannot be told."""
        return self.control.lives(self.life)


class ContainerFault(Noun):
    """A fault on one container. A subclass says what it looks at, does, and measures; and how it is taken back."""

    kind: ClassVar[str]
    needs: ClassVar[type]
    acts_on: ClassVar[ActsOn] = "service"
    by_hand: ClassVar[str] = "restart the container"  # the way back when ours does not work

    def look(self, inside: Inside, mark: str) -> dict[str, Any]:
        """The facts for the undo record. Reads and measures; changes nothing. Raises: Unavailable."""
        raise NotImplementedError

    def disturb(self, inside: Inside, held: Contained) -> None:
        """Raises: Unavailable."""
        raise NotImplementedError

    def judge(self, inside: Inside, held: Contained) -> Evidence:
        """Measure whether it bit. Raises: Unavailable."""
        raise NotImplementedError

    @classmethod
    def take_back(cls, inside: Inside, held: Contained) -> bool:
        """Is anything of it left? Idempotent. Raises: Unavailable."""
        raise NotImplementedError

    @classmethod
    def is_there(cls, inside: Inside, held: Contained) -> bool:
        """Raises: Unavailable."""
        raise NotImplementedError

    def prepare(self, where: str, platform: Containers) -> Undo:
        """Raises: Unavailable when it does not run, or when the fault could do nothing or could not be confirmed."""
        before = platform.instance(where)
        if before.state != "running":
            raise Unavailable(f"{where} is {before.state}, not running; {self.kind} has nothing to act on")
        held = Contained(control=dict(platform.control()), before=before, mark=f"saleproof_{os.urandom(3).hex()}")
        facts = self.look(held.inside(), held.mark)
        return Undo(kind=self.kind, where=where, data=to_plain(msgspec.structs.replace(held, facts=facts)))

    def inject(self, undo: Undo, platform: Containers) -> None:
        held = Contained.of(undo)
        self.disturb(held.inside(), held)

    def confirm(self, undo: Undo, platform: Containers) -> Evidence:
        held = Contained.of(undo)
        inside = held.inside()
        if not inside.lives():
            return Evidence(confirmed=False, text=f"{held.before.what} ended meanwhile, and the fault with it")
        return self.judge(inside, held)

    @staticmethod
    def holder(undo: Undo) -> Holder | None:
        return beside(Contained.of(undo).control)

    @classmethod
    def revert(cls, undo: Undo) -> None:
        """Take back what is there of this very fault. A container that is gone, or runs anew, has nothing of it."""
        held = Contained.of(undo)
        why = "it is still there after it was taken back"
        try:
            if not cls.take_back(held.inside(), held):
                return
        except Unavailable as cause:
            if _ended(held):
                return
            why = str(cause)
        raise RevertFailed(
            f"{undo.kind} on {undo.where}: it may still be in place in {held.before.what}: {why}. "
            f"By hand: {cls.by_hand}"
        )

    @classmethod
    def is_present(cls, undo: Undo) -> bool:
        held = Contained.of(undo)
        inside = held.inside()
        return inside.lives() and cls.is_there(inside, held)


def _ended(held: Contained) -> bool:
    """Did it end while something was asked of it?"""
    try:
        return not held.inside().lives()
    except Unavailable:
        return False
