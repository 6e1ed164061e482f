"""Where what several machines must know of a target is kept: on its engine, whether or not its project is up."""

from __future__ import annotations

import contextlib
from typing import Any, Self

from chaos.errors import SaleproofError, Unavailable
from chaos.model.base import to_plain
from chaos.model.halt import Halt
from chaos.model.platform import Progress
from chaos.model.target import Target
from chaos.platforms.compose import agent, halt, image
from chaos.platforms.compose.engine import Engine, connect
from chaos.platforms.compose.notes import SHARED, Note
from chaos.platforms.compose.slots import compose_part


class ComposeStation:
    """Our agent beside one project, which keeps its lock and its leases, and a volume that says that it is halted."""

    def __init__(self, target: str, project: str, engine: Engine) -> None:
        self.target, self._project, self._engine = target, project, engine

    @classmethod
    def of(cls, target: Target, engine: Engine | None = None) -> Self:
        """Raises: Unavailable, SpecError."""
        return cls(target.name, compose_part(target).project, engine or connect())

    @classmethod
    def noted(cls, note: Note) -> Self:
        """Raises: Unavailable, Refused."""
        return cls(note.target, note.project, connect(note.endpoint))

    @property
    def where(self) -> str:
        return f"the project '{self._project}' on {self._engine.endpoint}"

    def reach(self) -> dict[str, Any]:
        return {"platform": "compose", "endpoint": to_plain(self._engine.endpoint), "project": self._project}

    def equip(self, progress: Progress) -> None:
        self._note()
        if not image.is_there(self._engine):
            progress("agent", "building its image, once on each engine")
        agent.ensure(self._engine, self._project)
        progress("agent", "ready")

    def release(self) -> None:
        agent.dismiss(self._engine, self._project)

    def runs(self) -> tuple[str, ...]:
        return tuple(agent.leases(self._engine, self._project))

    def claims(self) -> tuple[str, ...]:
        return tuple(agent.claims(self._engine, self._project))

    # The halt --------------------------------------------------------------------------------------------------------

    def halted(self) -> Halt | None:
        return halt.read(self._engine, self._project)

    def halt(self, wanted: Halt) -> Halt:
        found = halt.write(self._engine, self._project, wanted)
        self._note(halted=wanted.since if found == wanted else "")
        return found

    def resume(self) -> None:
        halt.remove(self._engine, self._project)
        if self.halted() is not None:
            raise Unavailable(f"{self.where} is still halted; by hand: docker volume rm {halt.name_of(self._project)}")
        self._note(halted="")

    def _note(self, halted: str | None = None) -> None:
        """For `halt` and `resume`, which are told of no target. One that cannot be written only costs them that."""
        endpoint = self._engine.endpoint
        with contextlib.suppress(OSError, SaleproofError):
            if halted is None:
                before = SHARED.of(self._project, endpoint)
                halted = before.halted if before is not None else ""
            SHARED.write(Note(target=self.target, project=self._project, endpoint=endpoint, halted=halted))
