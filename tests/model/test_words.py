"""Numbers as people read them."""

from __future__ import annotations

import pytest

from chaos.model.words import seconds


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (0.000314, "0.314 ms"), (0.412, "412 ms"), (1.25, "1.25 s"), (99.9, "99.9 s"), (200.4, "3 min 20 s"),
        (239.9, "4 min 0 s"), (3599.7, "1 h 0 min"), (6240, "1 h 44 min"), (7199, "2 h 0 min"),
    ],
)  # fmt: skip
def test_seconds_are_rounded_as_a_whole(value: float, says: str) -> None:
    """Never `3 min 60 s`."""
    assert seconds(value) == says
