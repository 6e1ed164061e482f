"""A guard whose source does not answer any more is blind, and must be told so."""

from __future__ import annotations

import pytest

from chaos.errors import Unavailable
from chaos.load import readings
from chaos.load.live import Live
from chaos.model.journal import Sample
from chaos.model.objective import Condition, Op
from chaos.model.sli import Shape, Source

STOCK = Condition(
    text="stock-left < 10", sli="stock-left", source=Source.SQL, shape=Shape.GAUGE, op=Op.LT, threshold=10, budget=0.05
)


class Watch:
    """Time as the test wants it."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def monotonic(self) -> float:
        return self.now_s


@pytest.fixture
def watch(monkeypatch: pytest.MonkeyPatch) -> Watch:
    found = Watch()
    monkeypatch.setattr(readings, "time", found)
    return found


def test_every_reading_failing_for_long_is_blind(watch: Watch) -> None:
    """T3: with the reason of the last failure."""
    seen = Live(None, (STOCK,))
    for _ in range(6):
        seen.add_error("stock-left", "no answer")
        seen.recent(STOCK, 1.0)
        watch.now_s += readings.BLIND_S / 6
    seen.add_error("stock-left", "still no answer")
    with pytest.raises(Unavailable, match="still no answer"):
        seen.recent(STOCK, 1.0)


def test_one_of_several_instances_failing_is_not(watch: Watch) -> None:
    """The fault may be just that: the others are read all the while."""
    seen = Live(None, (STOCK,))
    for at_s in range(20):
        seen.add_sample(Sample(at_s=at_s, sli="stock-left", value=300))
        seen.add_error("stock-left", "web-1: refused")
        seen.recent(STOCK, 1.0)
        watch.now_s += 1


def test_a_source_that_answers_again_is_not(watch: Watch) -> None:
    """What failed a while ago is forgotten."""
    seen = Live(None, (STOCK,))
    seen.add_error("stock-left", "no answer")
    watch.now_s += 60
    seen.recent(STOCK, 1.0)
