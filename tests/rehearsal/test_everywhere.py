"""A halt, told to several targets at once."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest

from chaos.errors import Refused, Unavailable, UsageError
from chaos.model.halt import Halt
from chaos.rehearsal import everywhere
from chaos.rehearsal.everywhere import Everywhere, Way
from chaos.spec import load_target

from ..cli.test_halt import ROOT

ANAS = Halt(by="ana on laptop", since="2026-01-01T00:00:00+00:00", reason="sale")
BOBS = Halt(by="bob on ci", since="2026-01-02T00:00:00+00:00")


class Place:
    """A station in memory."""

    target = "shop"

    def __init__(self, where: str, halt: Halt | None = None, runs: tuple[str, ...] = ()) -> None:
        self.where, self.there, self.running = where, halt, list(runs)
        self.asked = 0

    def halted(self) -> Halt | None:
        return self.there

    def halt(self, wanted: Halt) -> Halt:
        self.there = self.there or wanted
        return self.there

    def resume(self) -> None:
        self.there = None

    def runs(self) -> tuple[str, ...]:
        self.asked += 1
        found = tuple(self.running)
        self.running = self.running[1:]  # one ends at each look
        return found

    def way(self, told: str = "") -> Way:
        return Way(self.where, lambda: self, told)  # type: ignore[arg-type, return-value]


def broken(where: str = "far") -> Way:
    def get_there() -> Any:
        raise Unavailable("it cannot be reached")

    return Way(where, get_there)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(everywhere, "LOOK_EVERY_S", 0.0)


def test_each_is_told_whatever_became_of_the_others() -> None:
    """And it is waited for until nobody is left there."""
    near, other = Place("near", runs=("r1", "r2")), Place("other", halt=BOBS)
    button = Everywhere([near.way(), broken(), other.way()])
    button.halt(ANAS)
    button.wait(time.monotonic() + 30)
    first, second, third = button.told.values()
    assert (first.halt, first.runs, first.left) == (ANAS, ("r1", "r2"), ())
    assert (second.halt, second.error) == (None, "it cannot be reached")
    assert third.halt == BOBS  # it was halted before: whose it is stays so
    assert near.asked == 3


def test_one_that_hangs_holds_up_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is said, and the others are halted."""
    monkeypatch.setattr(everywhere, "ANSWERS_WITHIN_S", 0.1)
    for_ever, near = threading.Event(), Place("near")

    def get_there() -> Any:
        for_ever.wait(30)
        raise Unavailable("too late")

    hung, told = Everywhere([Way("hung", get_there), near.way()]).halt(ANAS)
    for_ever.set()
    assert "no answer within" in hung.error
    assert told.halt == near.there == ANAS


def test_resume_ends_what_was_told_from_here() -> None:
    """Another one's halt, which was made since, stays and is said; with a target's name anybody's goes."""
    ours, theirs = Place("ours", halt=ANAS), Place("theirs", halt=BOBS)
    first, second = everywhere.resume([ours.way(told=ANAS.since), theirs.way(told=ANAS.since)])
    assert (first.halt, ours.there) == (None, None)
    assert (second.halt, theirs.there) == (BOBS, BOBS)
    everywhere.resume([theirs.way()])
    assert theirs.there is None


def test_a_target_of_one_user_alone_has_no_halt_of_its_own() -> None:
    target = load_target(ROOT / "targets/shop.yaml")
    with pytest.raises(UsageError, match="this user's alone"):
        everywhere.of_target(target, "embedded")
    assert everywhere.of_target(target, None).where == "the project 'saleproof-shop'"


def test_a_run_hears_of_a_halt_at_its_target(tmp_path: Any) -> None:
    """It is refused before it begins; once it has begun, `read` says it within a second, and the file comes first."""
    from chaos.engine.halt import HaltFile
    from chaos.rehearsal import halted

    place, file = Place("near", halt=BOBS), HaltFile(tmp_path)
    with pytest.raises(Refused, match=r"shop is halted by bob on ci .*saleproof resume --target"):
        halted.Halts(file).watch(place)  # type: ignore[arg-type]
    place.there = None
    halts = halted.Halts(file)
    halts.watch(place)  # type: ignore[arg-type]
    try:
        assert halts.read() is None
        place.there = ANAS
        until_s = time.monotonic() + 30
        while halts.read() is None:
            assert time.monotonic() < until_s
            time.sleep(0.01)
        assert halts.read() == ANAS
        file.write("carl")
        assert str(halts.read()).startswith("halted by carl")
    finally:
        halts.stop()
