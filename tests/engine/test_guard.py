"""The guard: at once, at a fixed rate, and broken means abort."""

from __future__ import annotations

from typing import Any

import msgspec

from chaos.engine.guard import LEAST, Guard
from chaos.model.counting import sample_counts
from chaos.model.event import GuardBreached, GuardBroken
from chaos.model.journal import Sample
from chaos.model.objective import Condition, Op
from chaos.model.sli import Shape, Source
from chaos.model.verdict import Status

from .conftest import make_plan


class Readings:
    """What the measurements say, one after the other; the last one for ever."""

    def __init__(self, *readings: tuple[int, int] | Exception) -> None:
        self.readings = list(readings)

    def recent(self, condition: Condition, span_s: float) -> tuple[int, int]:
        reading = self.readings.pop(0) if len(self.readings) > 1 else self.readings[0]
        if isinstance(reading, Exception):
            raise reading
        return reading


def check(stage: Any, readings: Readings, times: int, step_s: float = 0.25) -> None:
    guard = Guard(stage.session, readings, stage.clock)
    for _ in range(times):
        guard.check()
        stage.clock.wait(step_s, stage.session.stop)


def test_a_breach_counts_only_after_its_duration(make_stage: Any) -> None:
    """`for 1s`: three looks of 250 ms are not enough, five are."""
    stage = make_stage()
    check(stage, Readings((50, 100)), 4)
    assert not stage.session.stop.is_set()
    check_more = make_guard_breach(stage)
    assert check_more


def make_guard_breach(stage: Any) -> bool:
    check(stage, Readings((50, 100)), 6)
    return stage.session.status is Status.ABORTED and any(isinstance(e, GuardBreached) for e in stage.events)


def test_a_break_in_the_breach_starts_it_again(make_stage: Any) -> None:
    """True, false, true is not true for a second."""
    stage = make_stage()
    bad, good = (50, 100), (0, 100)
    check(stage, Readings(bad, bad, bad, good, bad, bad, bad, good), 8)
    assert not stage.session.stop.is_set()


def test_too_few_samples_say_nothing(make_stage: Any) -> None:
    """One bad request of three is not an error rate of a third."""
    stage = make_stage()
    check(stage, Readings((LEAST - 1, LEAST - 1)), 10)
    assert not stage.session.stop.is_set()


def test_a_guard_that_cannot_measure_aborts(make_stage: Any) -> None:
    """T3: a safeguard whose probe breaks does not die silently."""
    stage = make_stage()
    check(stage, Readings(RuntimeError("no data")), 1)
    assert stage.session.status is Status.ABORTED
    assert any(isinstance(e, GuardBroken) and "no data" in e.error for e in stage.events)


def test_it_aborts_when_what_it_watches_is_gone(make_stage: Any) -> None:
    """No watchdog, no experiment."""
    stage = make_stage()
    Guard(stage.session, Readings((0, 100)), stage.clock, {"the watchdog": lambda: False}).check()
    assert stage.session.status is Status.ABORTED


def test_it_checks_at_once(make_stage: Any) -> None:
    """T4: the first check does not wait for the first period."""
    import time

    stage = make_stage()
    guard = Guard(stage.session, Readings(RuntimeError("no data")), stage.clock)
    began = time.monotonic()
    guard.start()
    assert stage.session.stop.wait(5)
    guard.stop()
    assert time.monotonic() - began < 5


def test_a_gauge_that_is_true_of_an_abort_condition_aborts(make_stage: Any) -> None:
    """`stock-left < 10` is what is too bad: readings of 3 abort, readings of 300 do not."""
    gauge = Condition(
        text="stock-left < 10", sli="stock-left", source=Source.SQL, shape=Shape.GAUGE, op=Op.LT, threshold=10,
        budget=0.05,
    )  # fmt: skip
    for value, aborts in ((300.0, False), (3.0, True)):
        stage = make_stage(msgspec.structs.replace(make_plan(), abort=(gauge,)))
        bad, total = sample_counts(gauge, Sample(at_s=0, sli="stock-left", value=value))
        check(stage, Readings((round(bad), round(total))), 2)
        assert stage.session.stop.is_set() is aborts
        (stage.folder).rmdir()
