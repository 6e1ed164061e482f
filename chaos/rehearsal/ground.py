"""The target of one run: brought up where it was not, this run's alone, watched, and left as it was found."""

from __future__ import annotations

import contextlib
import platform as machine
from collections.abc import Callable
from typing import TYPE_CHECKING, Self

from chaos.engine.halt import person
from chaos.engine.watchdog import Watchdog
from chaos.errors import Refused, Unavailable

if TYPE_CHECKING:
    from pathlib import Path

    from chaos.engine.lease import Keeper
    from chaos.model.platform import Inventory, Platform, Progress, Station
    from chaos.model.target import Target
    from chaos.rehearsal.begin import Options
    from chaos.rehearsal.halted import Halts


class Ground:
    """Use as a context manager; then `platform` is up, and `watchdog` watches.

    `plan` refuses what cannot work there, before anything is started. `clean`: is nothing of the run's in place?
    Raises on entering: Refused (halted, in use, other variant up), Unavailable, SpecError.
    """

    platform: Platform
    watchdog: Watchdog

    def __init__(
        self, target: Target, options: Options, run_id: str, *, state: Path, keeper: Keeper, halts: Halts,
        plan: Callable[[Inventory], object], clean: Callable[[], bool], progress: Progress,
    ) -> None:  # fmt: skip
        self._target, self._options, self._run_id, self._state = target, options, run_id, state
        self._keeper, self._halts = keeper, halts
        self._plan, self._clean, self._progress = plan, clean, progress
        self._stack = contextlib.ExitStack()
        self._station: Station | None = None
        self._ours: Platform | None = None  # to be taken down again

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as opening:
            self._open(opening)
            self._stack = opening.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def _open(self, stack: contextlib.ExitStack) -> None:
        from chaos import planner, platforms

        target, wanted = self._target, self._options.platform
        found = platforms.attach(target, wanted, tell=lambda text: self._progress("platform", text))
        where = found.name if found is not None else wanted or platforms.default(target)
        if found is None:
            self._plan(planner.planned_inventory(target, self._options.variant, where))
        elif found.variant != self._options.variant:
            raise Refused(
                f"{target.name} is up as '{found.variant}', and this run wants '{self._options.variant}'; "
                f"take it down first with: saleproof down --platform {where}"
            )
        ours = found is None and not self._options.keep_up
        self._watch(stack, where if ours else "")
        stack.callback(self._leave)
        self._claim(where)
        if found is None:
            found = platforms.up(target, self._options.variant, where, progress=self._progress)
            self._ours = found if ours else None
        if self._station is not None and (over := self._keeper.check()):
            raise Unavailable(over)
        self.platform = found

    def _watch(self, stack: contextlib.ExitStack, down_on: str) -> None:
        """The watchdog watches before anything is started, and until after it was taken down."""
        from chaos.rehearsal.takedown import TakeDown

        down = TakeDown(platform=down_on, target=self._target).write(self._state, self._run_id) if down_on else None
        if down is not None:
            stack.callback(down.unlink, missing_ok=True)
        log = self._state / "logs" / "watchdog.log"
        self.watchdog = Watchdog(self._run_id, self._state, self._options.store, down, log)
        self.watchdog.start()
        stack.callback(lambda: self.watchdog.release(clean=self._clean()))

    def _claim(self, where: str) -> None:
        """Before the target is brought up: two machines must not even do that at the same time."""
        from chaos import platforms

        self._station = platforms.station(self._target, where)
        if self._station is not None:
            self._halts.watch(self._station)
            self._station.equip(self._progress)
            self._keeper.start()
            self._keeper.claim(self._station.reach(), f"run {self._run_id} of {person()} on {machine.node()}")

    def _leave(self) -> None:
        """What was put beside the target goes, unless a fault is still there that it may be needed for."""
        self._halts.stop()
        self._keeper.close(clean=self._clean())
        if self._ours is not None:
            self._ours.down()
        elif self._station is not None and self._clean():
            self._station.release()
