"""Counters and histograms out of pages of metrics, and what they grew by."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest

from chaos.errors import SpecError, Unavailable
from chaos.slis.metrics import Growth, Selector, bound_for, parse

BUCKET = Selector(name="q_seconds_bucket")


def page_of(*, buckets: tuple[float, ...] = (0.01, 0.05, 0.1), values: tuple[float, ...] = (0.02,)) -> str:
    """As a real client writes it."""
    registry = CollectorRegistry()
    histogram = Histogram("q_seconds", "time", ["query"], buckets=buckets, registry=registry)
    for value in values:
        histogram.labels("a").observe(value)
    return generate_latest(registry).decode()


def test_a_selector_reads_names_and_labels() -> None:
    """With quotes and commas inside the values."""
    assert Selector.parse("a_total") == Selector(name="a_total")
    assert Selector.parse('a{x="1, 2", y="\\"q\\""}').labels == {("x", "1, 2"), ("y", '"q"')}


@pytest.mark.parametrize("wrong", ["", "a b", "a{x=1}", 'a{x!="1"}', 'a{x=~"1"}', "a{", "rate(a[1m])"])
def test_what_is_no_selector_is_refused(wrong: str) -> None:
    """A query language that is not there must not be half understood."""
    with pytest.raises(SpecError, match="not a metric"):
        Selector.parse(wrong)


def test_series_are_added_up_over_the_other_labels() -> None:
    """`hits` of all routes."""
    registry = CollectorRegistry()
    counter = Counter("c", "count", ["result", "route"], registry=registry)
    for result, route, n in (("hit", "/", 3), ("hit", "/x", 4), ("miss", "/", 5)):
        counter.labels(result, route).inc(n)
    page = parse(generate_latest(registry).decode(), ["c_total"])
    assert page.sum(Selector.parse("c_total")) == 12
    assert page.sum(Selector.parse('c_total{result="hit"}')) == 7
    assert page.sum(Selector.parse('c_total{result="none"}')) == 0


def test_a_metric_without_series_is_zero_and_one_that_does_not_exist_is_an_error() -> None:
    """A shop that has not counted anything yet is not broken; a misspelt name is."""
    page = parse(page_of(values=()), ["q_seconds_bucket", "q_second_bucket"])
    assert page.sum(BUCKET) == 0
    assert bound_for(page, BUCKET, 0.05) is None
    with pytest.raises(Unavailable, match=r"no metric 'q_second_bucket'\. Did you mean 'q_seconds'"):
        page.sum(Selector(name="q_second_bucket"))


@pytest.mark.parametrize(("threshold_s", "bound_s"), [(0.05, 0.05), (0.07, 0.05), (0.1, 0.1), (3.0, 0.1)])
def test_a_threshold_between_two_bounds_takes_the_lower_one(threshold_s: float, bound_s: float) -> None:
    """What may have been slow counts as slow."""
    assert bound_for(parse(page_of(), [BUCKET.name]), BUCKET, threshold_s) == bound_s


def test_a_threshold_below_all_bounds_cannot_be_measured() -> None:
    """Rather than calling everything slow."""
    with pytest.raises(Unavailable, match=r"first bucket ends at 0.01 s, above 0.005 s"):
        bound_for(parse(page_of(), [BUCKET.name]), BUCKET, 0.005)


@pytest.mark.parametrize("wrong", ["", "<html>", "a_total{ 1", "a_total x"])
def test_what_is_no_page_of_metrics_is_an_error(wrong: str) -> None:
    """Never a page on which everything is zero."""
    with pytest.raises(Unavailable):
        parse(wrong, ["a_total"]).sum(Selector(name="a_total"))


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50), st.booleans()), min_size=1))
def test_growth_adds_up_over_restarts(steps: list[tuple[int, int, bool]]) -> None:
    """Whatever restarts come between two pages, the differences are what was really counted after the first page,
    and good is never more than all."""
    growth, process = Growth(), 1.0
    good = total = 7
    assert growth.since({"good": good, "total": total}, process) is None
    for grown_good, grown_bad, restarted in steps:
        if restarted:
            process, good, total = process + 1, 0, 0
        good, total = good + grown_good, total + grown_good + grown_bad
        grown = growth.since({"good": good, "total": total}, process)
        assert grown == {"good": grown_good, "total": grown_good + grown_bad}


def test_a_reset_is_seen_without_a_start_time_too() -> None:
    """One counter that fell resets both: half a reset would be a ratio of two different spans."""
    growth = Growth()
    growth.since({"good": 10, "total": 100}, None)
    assert growth.since({"good": 12, "total": 15}, None) == {"good": 12, "total": 15}
