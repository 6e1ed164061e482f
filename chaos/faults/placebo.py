"""`placebo`: the fault that is none."""

from __future__ import annotations

from typing import ClassVar

from chaos.model.base import Noun
from chaos.model.fault import ActsOn, Evidence, Undo
from chaos.model.platform import Anything


class Placebo(Noun):
    """Nothing is changed: a run with it shows what the measurement says by itself, as the control group of a trial."""

    kind: ClassVar[str] = "placebo"
    needs: ClassVar[type] = Anything
    acts_on: ClassVar[ActsOn] = "nothing"
    # There is nothing to find at its end.
    lasts: ClassVar[bool] = False
    example: ClassVar[str] = "placebo: {for: 30s}"

    def prepare(self, where: str, platform: Anything) -> Undo:
        return Undo(kind=self.kind, where=where)

    def inject(self, undo: Undo, platform: Anything) -> None:
        """Goes the way of every other fault: ledger, window, verdict. Only the shop does not get to know."""

    def confirm(self, undo: Undo, platform: Anything) -> Evidence:
        return Evidence(confirmed=True, text="nothing was changed, as intended")

    @staticmethod
    def revert(undo: Undo) -> None:
        """Nothing is there."""

    @staticmethod
    def is_present(undo: Undo) -> bool:
        return False
