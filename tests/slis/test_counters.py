"""How much counters grew, out of raw samples written by hand."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaos.errors import Unavailable
from chaos.slis.counters import Pair
from chaos.slis.prometheus_api import Series

Points = list[tuple[float, float]]


def series(instance: str, points: Points, **labels: str) -> Series:
    return Series(labels={"__name__": "c", "job": "web", "instance": instance, **labels}, points=tuple(points))


def read(pair: Pair, total: list[Series], good: list[Series]) -> list[tuple[str, float, float, float, float]]:
    """One look: instance, since, at, good, total."""
    pair.total.add(total)
    pair.good.add(good)
    return [(g.instance[1], g.since_s, g.at_s, g.good, g.total) for g in pair.take()]


def test_the_first_look_is_where_counting_begins() -> None:
    """What was counted before the run is not the run's; then every scrape has its growth, at its own time."""
    pair = Pair()
    assert read(pair, [series("a", [(1, 100), (2, 110)])], [series("a", [(1, 90), (2, 99)])]) == []
    found = read(pair, [series("a", [(2, 110), (3, 115), (4, 125)])], [series("a", [(2, 99), (3, 103), (4, 113)])])
    assert found == [("a", 2, 3, 4, 5), ("a", 3, 4, 10, 10)]


def test_a_scrape_between_the_first_two_questions_is_not_lost() -> None:
    """Both begin with the scrape that the totals begin with: else all of the next scrape would look bad."""
    pair = Pair()
    assert read(pair, [series("a", [(1, 100)])], [series("a", [(1, 90), (2, 95)])]) == []
    found = read(pair, [series("a", [(1, 100), (2, 106), (3, 112)])], [series("a", [(1, 90), (2, 95), (3, 100)])])
    assert found == [("a", 1, 2, 5, 6), ("a", 2, 3, 5, 6)]


def test_a_counter_that_falls_started_anew() -> None:
    """Also when it did so between two looks; never a negative growth, never the old counter's."""
    pair = Pair()
    read(pair, [series("a", [(1, 1000)])], [series("a", [(1, 1000)])])
    found = read(pair, [series("a", [(2, 1010), (3, 4), (4, 9)])], [series("a", [(2, 1010), (3, 3), (4, 8)])])
    assert found == [("a", 1, 2, 10, 10), ("a", 2, 3, 3, 4), ("a", 3, 4, 5, 5)]


def test_a_status_that_was_never_seen_began_at_zero() -> None:
    """The first error of an instance that is known is an error, not where counting begins."""
    pair = Pair()
    read(pair, [series("a", [(1, 50)], code="200")], [series("a", [(1, 50)], code="200")])
    total = [series("a", [(2, 60)], code="200"), series("a", [(2, 7)], code="500")]
    assert read(pair, total, [series("a", [(2, 60)], code="200")]) == [("a", 1, 2, 10, 17)]


def test_an_instance_that_was_never_seen_may_be_old() -> None:
    """Its counters' first values are no growth; what it counts from then on is."""
    pair = Pair()
    read(pair, [series("a", [(1, 50)])], [series("a", [(1, 50)])])
    assert read(pair, [series("b", [(2, 9_000)])], [series("b", [(2, 9_000)])]) == []
    assert read(pair, [series("b", [(3, 9_010)])], [series("b", [(3, 9_009)])]) == [("b", 2, 3, 9, 10)]


def test_an_instance_that_answers_nothing_well_has_no_good_series_at_all() -> None:
    """All of it is bad; its first good answer is counted from 0."""
    pair = Pair()
    read(pair, [series("a", [(1, 5)], code="500")], [])
    assert read(pair, [series("a", [(2, 9)], code="500")], []) == [("a", 1, 2, 0, 4)]
    total = [series("a", [(3, 9)], code="500"), series("a", [(3, 2)], code="200")]
    assert read(pair, total, [series("a", [(3, 2)], code="200")]) == [("a", 2, 3, 2, 2)]


def test_a_gap_is_one_growth() -> None:
    """An instance that could not be scraped has counted somewhere in between; nothing is lost, and nothing is put
    where it may not belong."""
    pair = Pair()
    read(pair, [series("a", [(1, 0)])], [series("a", [(1, 0)])])
    assert read(pair, [], []) == []
    assert read(pair, [series("a", [(60, 300)])], [series("a", [(60, 290)])]) == [("a", 1, 60, 290, 300)]


def test_an_answer_that_is_newer_than_the_other_waits() -> None:
    """A scrape came in between the two questions: its good ones are counted with their totals."""
    pair = Pair()
    read(pair, [series("a", [(1, 0)])], [series("a", [(1, 0)])])
    assert read(pair, [series("a", [(2, 10)])], [series("a", [(2, 9), (3, 20)])]) == [("a", 1, 2, 9, 10)]
    assert read(pair, [series("a", [(2, 10), (3, 22)])], [series("a", [(2, 9), (3, 20)])]) == [("a", 2, 3, 11, 12)]


def test_more_good_than_all_of_them_is_refused() -> None:
    """One or two are a scrape between two increments; many are two queries that do not belong together."""
    pair = Pair()
    read(pair, [series("a", [(1, 0)])], [series("a", [(1, 0)])])
    assert read(pair, [series("a", [(2, 10)])], [series("a", [(2, 11)])]) == [("a", 1, 2, 10, 10)]
    assert read(pair, [series("a", [(3, 21)])], [series("a", [(3, 21)])]) == [("a", 2, 3, 11, 11)]
    with pytest.raises(Unavailable, match="is all that is good part of the total"):
        read(pair, [series("a", [(4, 22)])], [series("a", [(4, 500)])])


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -1.0])
def test_what_no_counter_can_be_is_refused(value: float) -> None:
    pair = Pair()
    read(pair, [series("a", [(1, 0)])], [series("a", [(1, 0)])])
    with pytest.raises(Unavailable, match="no counter can be"):
        read(pair, [series("a", [(2, value)])], [series("a", [(2, 0)])])


def test_after_what_no_counter_can_be_each_is_counted_once() -> None:
    """However often it was looked at meanwhile: the scrapes beside it are neither lost nor counted twice."""
    pair = Pair()
    read(pair, [series("a", [(1, 10)])], [series("a", [(1, 10)])])
    broken = [(2.0, 20.0), (3.0, float("nan")), (4.0, 40.0)]
    for upto in (2, 3, 3):
        with pytest.raises(Unavailable, match="no counter can be"):
            read(pair, [series("a", broken[:upto])], [series("a", [(2, 20)])])
    found = read(pair, [series("a", [(4, 40), (5, 47)])], [series("a", [(2, 20), (4, 40), (5, 46)])])
    assert [(since_s, at_s, total) for _, since_s, at_s, _, total in found] == [(1, 4, 30), (4, 5, 7)]
    assert sum(good for _, _, _, good, _ in found) == 36


@given(
    st.lists(st.tuples(st.integers(0, 20), st.booleans(), st.integers(1, 4)), min_size=2, max_size=60),
)
def test_whenever_it_is_looked_at_the_sum_is_the_same(steps: list[tuple[int, bool, int]]) -> None:
    """Growth, restarts, and looks that see one to four scrapes at a time, with overlap: all that was counted after the
    first look is there, each once."""
    value, scrapes, counted = 0, [(0.0, 0.0)], 0
    for at_s, (grown, restarts, _) in enumerate(steps, 1):
        # A restart that counts as much again by its first scrape cannot be told from going on: none here does.
        value, grown = (
            (min(grown, value - 1), min(grown, value - 1)) if restarts and value > 0 else (value + grown, grown)
        )
        counted += grown
        scrapes.append((float(at_s), float(value)))
    pair, seen, total = Pair(), 1, 0.0
    read(pair, [series("a", scrapes[:1])], [series("a", scrapes[:1])])
    for _, _, size in [*steps, (0, False, len(scrapes))]:
        part = scrapes[max(0, seen - 2) : seen + size]
        seen = min(len(scrapes), seen + size)
        total += sum(row[4] for row in read(pair, [series("a", part)], [series("a", part)]))
    assert total == counted
