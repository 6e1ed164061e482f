"""A halt, told to the targets that several machines share: all at once, each in its own time."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from chaos.errors import SaleproofError, UsageError
from chaos.model.base import Noun
from chaos.model.halt import Halt
from chaos.platforms.compose.engine import may_answer
from chaos.platforms.compose.notes import SHARED, Note
from chaos.platforms.compose.station import ComposeStation

if TYPE_CHECKING:
    from chaos.model.platform import Station
    from chaos.model.target import Target

# A target that nobody has run anything on for longer is not told of a halt that names none.
LATELY_S = 7 * 24 * 3600.0

# An ssh that has to be made first, and three calls.
ANSWERS_WITHIN_S = 20.0
LOOK_EVERY_S = 0.5


class Way(NamedTuple):
    """One target elsewhere, for people and for calls; `told`, when the halt was made there that was told from here."""

    where: str
    get_there: Callable[[], Station]
    told: str = ""


def lately() -> tuple[Way, ...]:
    """Where this user has run anything lately. Where this machine's own engine does not even listen, nothing runs."""
    since_s = time.time() - LATELY_S
    return tuple(_way(note) for note in SHARED.all(since_s) if may_answer(note.endpoint))


def told() -> tuple[Way, ...]:
    """Where a halt was told from here."""
    return tuple(_way(note) for note in SHARED.all() if note.halted)


def of_target(target: Target, platform: str | None) -> Way:
    """Raises: UsageError where it is no other user's, and so has no halt of its own."""
    if platform == "embedded" or target.platforms.compose is None:
        raise UsageError(
            f"on the embedded platform the target '{target.name}' is this user's alone, and this machine's halt is its "
            "own too: leave --target out"
        )
    return Way(f"the project '{target.platforms.compose.project}'", lambda: ComposeStation.of(target))


def _way(note: Note) -> Way:
    where = f"the project '{note.project}' on {note.endpoint}"
    return Way(where, lambda: ComposeStation.noted(note), told=note.halted)


class Told(Noun):
    """What came of one. `halt` is the one in force there, which may be an earlier one of somebody else's; None: there
    is none. `runs`: those that were seen there, `left`: those that were the last time. `error`: nobody could tell."""

    where: str
    halt: Halt | None = None
    runs: tuple[str, ...] = ()
    left: tuple[str, ...] = ()
    error: str = ""


class Everywhere:
    """`halt`, and then `wait` until no run is left. Never raises for one of them."""

    def __init__(self, ways: Sequence[Way]) -> None:
        self._ways = ways
        self._stations: dict[str, Station] = {}
        self.told: dict[str, Told] = {}

    def halt(self, wanted: Halt) -> tuple[Told, ...]:
        def halting(way: Way) -> Told:
            self._stations[way.where] = way.get_there()
            return Told(where=way.where, halt=self._stations[way.where].halt(wanted))

        self.told = {told.where: told for told in _at_once(self._ways, halting)}
        return tuple(self.told.values())

    def look(self) -> bool:
        """Who is still there. True once nobody is."""
        asked = [way for way in self._ways if self.told[way.where].halt is not None]

        def looking(way: Way) -> Told:
            left, before = self._stations[way.where].runs(), self.told[way.where]
            return msgspec.structs.replace(before, left=left, runs=tuple(dict.fromkeys(before.runs + left)), error="")

        for told in _at_once(asked, looking):
            # Told is told, whatever became of the way there since.
            before = self.told[told.where]
            self.told[told.where] = msgspec.structs.replace(before, error=told.error) if told.error else told
        return not any(told.left for told in self.told.values())

    def wait(self, until_s: float) -> None:
        """Until nobody is left, or that monotonic time."""
        while not self.look() and time.monotonic() < until_s:
            time.sleep(LOOK_EVERY_S)


def resume(ways: Sequence[Way]) -> tuple[Told, ...]:
    """End the halt there; where one was told from here, only that one. `Told.halt` is another one, which stays."""

    def resuming(way: Way) -> Told:
        station = way.get_there()
        there = station.halted()
        if there is not None and way.told not in ("", there.since):
            return Told(where=way.where, halt=there)
        station.resume()
        return Told(where=way.where)

    return _at_once(ways, resuming)


def _at_once(ways: Sequence[Way], do: Callable[[Way], Told]) -> tuple[Told, ...]:
    """In threads that nobody waits for: one that hangs must not hold up the others, nor the end of this process."""
    found: dict[str, Told] = {}

    def one(way: Way) -> None:
        try:
            found[way.where] = do(way)
        except SaleproofError as cause:
            found[way.where] = Told(where=way.where, error=str(cause))

    threads = [threading.Thread(target=one, args=(way,), daemon=True) for way in ways]
    until_s = time.monotonic() + ANSWERS_WITHIN_S
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(0.0, until_s - time.monotonic()))
    late = f"no answer within {ANSWERS_WITHIN_S:g} s"
    return tuple(found.get(way.where) or Told(where=way.where, error=late) for way in ways)
