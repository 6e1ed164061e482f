"""What customers do: journeys by weight, values by seed, templates."""

from __future__ import annotations

import json
from collections import Counter

import pytest

from chaos.errors import SpecError
from chaos.load.script import Script, look_up
from chaos.model.target import Journey, Step, Traffic, Value
from tests.load.customers import BUYING, HOME, ORDER, traffic


def weighted() -> Traffic:
    step = Step(name="home", method="get", path="/{n}")
    journeys = tuple(Journey(name=name, weight=w, steps=("home",)) for name, w in (("a", 5), ("b", 3), ("c", 2)))
    return traffic(step, journeys=journeys, values={"n": Value(integer=(1, 4))})


def test_journeys_come_in_their_weights() -> None:
    """5:3:2 within five standard deviations; values cover their range, both ends included."""
    script = Script(weighted(), seed="1")
    chosen = [script.choose(n) for n in range(10_000)]
    share = Counter(journey.name for journey, _ in chosen)
    for name, expected in (("a", 5000), ("b", 3000), ("c", 2000)):
        assert abs(share[name] - expected) < 5 * 50
    assert {variables["n"] for _, variables in chosen} == {1, 2, 3, 4}


def test_the_same_seed_gives_the_same_customers_with_other_idempotency_keys() -> None:
    """A repeated run must ask for the same things, and must not replay the first run's orders."""
    one, two = (Script(BUYING, seed="7") for _ in range(2))
    for number in range(50):
        (journey, first), (again, second) = one.choose(number), two.choose(number)
        assert journey.name == again.name
        assert first.pop("uuid") != second.pop("uuid")
        assert first == second


def test_variables_are_filled_and_quoted_where_they_are_used() -> None:
    """In paths they are escaped, in JSON a variable alone keeps its type."""
    script = Script(BUYING, seed="7")
    journey, _ = script.choose(0)
    _, cart, order = journey.steps
    known = {"product": 5, "word": "blå & rød/1", "customer": 9, "uuid": "u-1"}
    assert cart.path(known) == "/status/200?p=5&w=bl%C3%A5%20%26%20r%C3%B8d%2F1"
    assert order.headers(known) == {"Idempotency-Key": "u-1", "Content-Type": "application/json"}
    assert order.body is not None
    assert json.loads(order.body(known)) == {"product": 5, "who": "c9"}


def test_a_path_is_sent_as_http_wants_it() -> None:
    """People write spaces; braces that are no variable stay braces."""
    step = Step(name="s", method="GET", path="/a b?q={x}&r={}")
    journey, known = Script(traffic(step, values={"x": Value(choice=("1",))}), seed="").choose(0)
    assert journey.steps[0].path(known) == "/a%20b?q=1&r={}"


def test_a_fixed_step_is_sent_as_it_is() -> None:
    """A body without variables, and a content type that the file names."""
    step = Step(name="s", method="POST", path="/", headers={"content-type": "x/y"}, body=[{"a": None}])
    journey, known = Script(traffic(step), seed="").choose(0)
    assert journey.steps[0].headers(known) == {"content-type": "x/y"}
    assert journey.steps[0].body is not None
    assert journey.steps[0].body(known) == b'[{"a":null}]'


def test_a_variable_that_nothing_fills_is_refused_before_any_traffic() -> None:
    """With the step and the nearest word."""
    with pytest.raises(SpecError, match=r"step 'order': nothing fills '\{product\}'.*Known: customer, uuid"):
        Script(traffic(ORDER), seed="")
    late = Step(name="late", method="GET", path="/{product}")
    with pytest.raises(SpecError, match="step 'late'"):
        Script(traffic(late, HOME), seed="")
    promise = Step(name="s", method="GET", path="/", acknowledges="order")
    with pytest.raises(SpecError, match="acknowledges 'order', which nothing fills"):
        Script(traffic(promise), seed="")


def test_a_journey_with_an_unknown_step_is_refused() -> None:
    """With the nearest one."""
    wrong = traffic(HOME, journeys=(Journey(name="j", weight=1, steps=("hom",)),))
    with pytest.raises(SpecError, match=r"unknown step 'hom'\. Did you mean 'home'"):
        Script(wrong, seed="")


def test_traffic_without_weight_is_refused() -> None:
    """Nobody would come."""
    with pytest.raises(SpecError, match="no journey has a weight"):
        Script(traffic(HOME, journeys=()), seed="")


def test_looking_up_a_dotted_path() -> None:
    """Through objects and lists; nothing there is an error, not an empty value."""
    answer = {"order": {"lines": [{"n": 1}, {"n": 2}], "none": None}}
    assert look_up(answer, ("order", "lines", "1", "n")) == 2
    for missing in (("x",), ("order", "lines", "5"), ("order", "none"), ("order", "lines", "x"), ("order", "a", "b")):
        with pytest.raises((LookupError, ValueError, TypeError)):
            look_up(answer, missing)
