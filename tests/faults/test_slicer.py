"""`slicer`."""

from __future__ import annotations

from typing import Any

import pytest

from chaos.faults.slicer import Slicer
from chaos.units import Bytes, Duration


@pytest.mark.parametrize(
    ("parameters", "says"),
    [
        ({"size": Bytes(0), "delay": Duration(0.01)}, "size is 0B"),
        ({"size": Bytes(64), "variation": Bytes(0), "delay": Duration(0.01)}, "variation is 0B"),
        ({"size": Bytes(64), "variation": Bytes(64), "delay": Duration(0.01)}, "less than the size, 64B"),
        ({"size": Bytes(64), "delay": Duration(0)}, "delay is 0s"),
    ],
)
def test_values_that_make_no_sense_are_refused(parameters: dict[str, Any], says: str) -> None:
    """Before anything is sent: some of them crash Toxiproxy."""
    with pytest.raises(ValueError, match=says):
        Slicer(**parameters)


def test_toxiproxy_gets_its_own_units() -> None:
    """Microseconds; and a variation above 0, or its server crashes."""
    (toxic,) = Slicer(size=Bytes(64), delay=Duration(0.002)).toxics("web -> db")
    assert (toxic.type, dict(toxic.attributes)) == ("slicer", {"average_size": 64, "size_variation": 16, "delay": 2000})
    assert toxic.name.startswith("saleproof-slicer-")
