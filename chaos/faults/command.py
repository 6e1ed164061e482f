"""`command`: a disturbance of the user's own, as programs."""

from __future__ import annotations

from typing import ClassVar

from chaos.faults.shared import limits
from chaos.model.base import Noun
from chaos.model.fault import ActsOn
from chaos.model.platform import Anything
from chaos.units import Duration


class Command(Noun):
    """Run a program of yours, and another to take it back; `check` exits with 0 while the fault is in place."""

    kind: ClassVar[str] = "command"
    needs: ClassVar[type] = Anything
    acts_on: ClassVar[ActsOn] = "nothing"
    example: ClassVar[str] = (
        "command: {run: [touch, /tmp/full], undo: [rm, -f, /tmp/full], check: [test, -e, /tmp/full], for: 30s}"
    )

    run: tuple[str, ...]
    undo: tuple[str, ...]
    check: tuple[str, ...]
    env: dict[str, str] = {}
    timeout: Duration = Duration(30)

    def __post_init__(self) -> None:
        for name, words in (("run", self.run), ("undo", self.undo), ("check", self.check)):
            if not words or not words[0]:
                raise ValueError(f"{name} is empty; write a program and its arguments as a list")
            if any("\0" in word for word in words):
                raise ValueError(f"{name} has a NUL character in an argument")
        for name, value in self.env.items():
            if not name or "=" in name or "\0" in name + value:
                raise ValueError(f"env: {name!r} is not a name that an environment can have")
        limits.delay("timeout", self.timeout)
