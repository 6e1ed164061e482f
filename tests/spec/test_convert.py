"""From marked nodes to typed values."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
import pytest

from chaos.errors import SpecError, SpecErrors
from chaos.model.base import Noun
from chaos.spec.convert import convert, convert_noun
from chaos.spec.problems import Bad, Problems
from chaos.spec.yaml import parse
from chaos.units import Bytes, Duration, Rate, Ratio


class Inner(Noun):
    a: int
    b_c: str = "x"


class Sample(Noun):
    """Everything that a field can be."""

    delay: Duration | None = None
    share: Ratio = Ratio(1)
    size: Bytes | None = None
    rate: Rate | None = None
    count: Annotated[int, msgspec.Meta(ge=1, le=5)] = 1
    times: float = 1.0
    on: bool = False
    word: Literal["up", "down"] = "up"
    names: tuple[str, ...] = ()
    pair: tuple[int, int] | None = None
    env: dict[str, str] = {}
    inner: Inner | None = None
    many: dict[str, Inner] = {}
    either: Literal["tcp"] | Inner = "tcp"
    anything: Any = None
    for_: Duration | None = msgspec.field(default=None, name="for")

    def __post_init__(self) -> None:
        if self.times > 10:
            raise ValueError("times is more than 10")


def read(text: str) -> Sample:
    problems = Problems("x.yaml")
    try:
        return convert_noun(parse(text, "x.yaml"), Sample, "", problems)
    except Bad:
        problems.done()
        raise AssertionError("Bad without a problem") from None


def complaint(text: str) -> str:
    with pytest.raises(SpecError) as caught:
        read(text)
    return str(caught.value)


def test_a_whole_noun_is_read_by_its_annotations() -> None:
    """Quantities, numbers, words, lists, mappings and nouns inside nouns; `-` in a key is `_` in a field."""
    sample = read(
        "delay: 300ms\nshare: 1/3\nsize: 10KB\nrate: 25/s\ncount: 3\ntimes: 2\non: true\nword: down\nnames: [a, b]\n"
        "pair: [1, 2]\nenv: {A: b}\ninner: {a: 1, b-c: y}\nmany: {x: {a: 2}}\neither: {a: 3}\nanything: [1, {x: on}]\n"
        "for: 60s\n"
    )
    assert sample.delay == Duration(0.3)
    assert sample.share == Ratio(1 / 3)
    assert (sample.size, sample.rate, sample.for_) == (Bytes(10_000), Rate(25), Duration(60))
    assert sample.times == 2.0
    assert isinstance(sample.times, float)
    assert sample.inner == Inner(a=1, b_c="y")
    assert sample.many == {"x": Inner(a=2)}
    assert sample.either == Inner(a=3)
    assert sample.anything == [1, {"x": "on"}]
    assert read("{}") == Sample()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("dealy: 1s", "x.yaml:1: unknown key 'dealy'. Did you mean 'delay'? Known: "),
        ("count: 1\ninner: {a: 1, b_c: x}", "x.yaml:2: inner: unknown key 'b_c'. Did you mean 'b-c'? Known: a, b-c."),
        ("delay: 300", "x.yaml:1: delay: '300' is not a duration; write it with its unit, for example 300ms, 2s"),
        ("delay: 5 parsecs", "delay: '5 parsecs' is not a duration"),
        ("delay: [1s]", "delay: expected a duration such as 300ms, 2s, 5m or 1h; got a list"),
        ("delay: true", "delay: expected a duration such as 300ms, 2s, 5m or 1h; got true"),
        ("delay:", "delay: has no value; expected a duration such as 300ms, 2s, 5m or 1h, or leave the key out"),
        ("share: 120%", "share: '120%' is not between 0% and 100%"),
        ("share: 0.5", "share: '0.5' is not a ratio; write it as 99.9% or 1/3"),
        ("count: 0", "count: must be at least 1; got the number 0"),
        ("count: 6", "count: must be at most 5; got the number 6"),
        ("count: 1.5", "count: expected a whole number; got the number 1.5"),
        ("count: true", "count: expected a whole number; got true"),
        ('count: "3"', "count: expected a whole number; got '3'"),
        ("times: 11", "x.yaml:1: times is more than 10"),
        ("on: yes", "on: expected true or false; got 'yes'"),
        ("word: dwon", "word: 'dwon' is not one of them. Did you mean 'down'? Known: down, up."),
        ("word: 3", "word: expected one of up, down; got the number 3"),
        ("names: a", "names: expected a list of texts; got 'a'"),
        ("names: [a, 8080]", 'names[1]: expected text; got the number 8080; in quotes it is text: "8080"'),
        ("pair: [1]", "pair: expected a list of 2; got 1"),
        ("env: [a]", "env: expected a mapping; got a list"),
        ("env: {A: 1}", "env.A: expected text; got the number 1"),
        ("inner: 3", "inner: expected a mapping with the keys a, b-c; got the number 3"),
        ("inner: {}", "inner: missing key 'a'"),
        ("either: udp", "either: 'udp' is not one of them. Known: tcp."),
        ("either: 3", "either: expected one of tcp or a mapping; got the number 3"),
        ("many: {x: {a: z}}", "many.x.a: expected a whole number; got 'z'"),
    ],
)
def test_a_wrong_value_says_where_what_and_what_is_allowed(text: str, message: str) -> None:
    """One line with the place, what was got, and what is allowed or nearest."""
    assert message in complaint(text)


def test_all_that_is_wrong_is_said_at_once() -> None:
    """One line for each, in the file's order; nothing after the first is lost."""
    with pytest.raises(SpecErrors) as caught:
        read("times: x\ncount: 9\ninner: {a: b, z: 1}\n")
    assert [error.line for error in caught.value.errors] == [1, 2, 3, 3]
    assert len(str(caught.value).splitlines()) == 4


def test_a_top_level_list_is_refused() -> None:
    """A file is a mapping."""
    assert "expected a mapping with the keys delay, share" in complaint("- a")


def test_optional_with_limits_is_checked_inside() -> None:
    """`Annotated` inside `X | None` counts too."""
    kind = Annotated[Duration, msgspec.Meta(gt=0)] | None
    problems = Problems("x.yaml")
    with pytest.raises(Bad):
        convert(parse("0s", "x.yaml"), kind, "for", problems)
    assert str(problems.errors[0]) == "x.yaml:1: for: must be more than 0s; got '0s'"
