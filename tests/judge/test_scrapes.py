"""Windows that somebody else scraped: whole, with holes, and with an instance that was away."""

from __future__ import annotations

from typing import Any

from chaos.judge import judge
from chaos.model.journal import Sample
from chaos.model.objective import Op
from chaos.model.sli import Shape, Source
from chaos.model.verdict import Check, Outcome

EVERY_S = 2.0


def scrapes(start_s: float, end_s: float, service: str = "web-1", total: float = 200.0) -> list[Sample]:
    """One every two seconds, all good."""
    count = int((end_s - start_s) / EVERY_S)
    return [
        Sample(
            at_s=start_s + EVERY_S * (n + 1), since_s=start_s + EVERY_S * n, sli="ok", good=total, total=total,
            service=service,
        )
        for n in range(count)
    ]  # fmt: skip


def story_of(make: Any) -> Any:
    ok = make.of(Shape.COUNTER_RATIO, "ok", Op.GE, 0.99, 0.01, Source.PROMQL)
    return make.Story(conditions=(ok,))


def checks(story: Any) -> dict[str, Check]:
    return {check.window: check for check in judge(story.journal()).checks}


def test_what_was_scraped_all_the_time_is_judged_whole(make: Any) -> None:
    """Scrapes that reach over a window's border count for neither side."""
    story = story_of(make)
    story.samples = tuple(scrapes(0.5, story.end_s + 3))
    found = checks(story)
    assert {check.outcome for check in found.values()} == {Outcome.HELD}
    start, end = story.span("during 1")
    assert found["during 1"].total == 200 * int((end - start - 0.5) / EVERY_S)


def test_a_hole_in_the_scrapes_is_never_a_pass(make: Any) -> None:
    """At a window's beginning, in its middle, at its end: what nobody scraped may have been anything."""
    for where in (-1.0, 8.0, 15.0):
        story = story_of(make)
        from_s = story.span("during 1")[0] + where
        story.samples = tuple(
            s for s in scrapes(0.5, story.end_s + 3) if s.at_s <= from_s or (s.since_s or 0) >= from_s + 7
        )
        found = checks(story)
        assert found["during 1"].outcome is Outcome.INCONCLUSIVE
        assert "ok was not scraped for" in found["during 1"].text


def test_a_dead_instance_is_no_hole_and_one_that_only_was_not_scraped_is_one(make: Any) -> None:
    """The other instance's scrapes cover the window. What the one that was away counted meanwhile is next to nothing
    when it was dead or frozen; otherwise it belongs to nobody, and the window says so."""
    for counted, outcome in ((3.0, Outcome.HELD), (900.0, Outcome.INCONCLUSIVE)):
        story = story_of(make)
        start, end = story.span("during 1")
        away = Sample(at_s=end + 1.5, since_s=start - 1.5, sli="ok", good=counted, total=counted, service="web-2")
        around = [*scrapes(0.5, start - 1.5, "web-2"), away, *scrapes(end + 1.5, story.end_s + 3, "web-2")]
        story.samples = (*scrapes(0.5, story.end_s + 3), *around)
        found = checks(story)["during 1"]
        assert found.outcome is outcome
        assert ("web-2 was not scraped for" in found.text) == (outcome is not Outcome.HELD)
