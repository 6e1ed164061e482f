"""Nouns as JSON and back."""

from __future__ import annotations

import msgspec
import pytest

from chaos.model.base import Noun, from_json, to_json
from chaos.units import Duration


class Thing(Noun):
    """For these tests."""

    names: dict[str, int]
    wait: Duration = Duration(1)


def test_the_order_of_keys_survives() -> None:
    """Steps and services are numbered by their order in the file, on both ends of a pipe."""
    assert list(from_json(to_json(Thing(names={"z": 1, "a": 2})), Thing).names) == ["z", "a"]


def test_quantities_come_back_as_quantities() -> None:
    """A duration is seconds on the way, and a duration at the end."""
    back = from_json(to_json(Thing(names={}, wait=Duration(0.3))), Thing)
    assert back.wait == Duration(0.3)
    assert str(back.wait) == "300ms"


def test_unknown_keys_are_refused() -> None:
    """Everywhere, not only in files."""
    with pytest.raises(msgspec.ValidationError, match="extra"):
        from_json('{"names": {}, "extra": 1}', Thing)
