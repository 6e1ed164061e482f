"""`limit-data`."""

from __future__ import annotations

from typing import Any

import pytest

from chaos.faults.limit_data import LimitData
from chaos.units import Bytes, Ratio


@pytest.mark.parametrize(
    ("parameters", "says"),
    [
        ({"bytes": Bytes(0)}, "bytes is 0B"),
        ({"bytes": Bytes(0.5)}, "a whole number of bytes"),
        ({"bytes": Bytes(10), "toxicity": Ratio(0)}, "toxicity is 0%"),
    ],
)
def test_values_that_make_no_sense_are_refused(parameters: dict[str, Any], says: str) -> None:
    """Before anything is sent: some of them crash Toxiproxy."""
    with pytest.raises(ValueError, match=says):
        LimitData(**parameters)


def test_toxiproxy_gets_its_own_units() -> None:
    """Bytes."""
    (toxic,) = LimitData(bytes=Bytes(1000)).toxics("web -> db")
    assert (toxic.type, dict(toxic.attributes)) == ("limit_data", {"bytes": 1000})
    assert toxic.name.startswith("saleproof-limit-data-")
