"""`bandwidth`."""

from __future__ import annotations

from typing import Any

import pytest

from chaos.faults.bandwidth import Bandwidth
from chaos.units import Bytes, Ratio


@pytest.mark.parametrize(
    ("parameters", "says"),
    [
        ({"per_second": Bytes(0)}, "per-second is 0B; it must be a whole number of bytes, at least 1KB"),
        ({"per_second": Bytes(-5000)}, "per-second is -5000B"),
        ({"per_second": Bytes(1500)}, "whole KB a second"),
        ({"per_second": Bytes(1000), "toxicity": Ratio(0.01)}, "toxicity is 1%"),
    ],
)
def test_values_that_make_no_sense_are_refused(parameters: dict[str, Any], says: str) -> None:
    """Before anything is sent: some of them crash Toxiproxy."""
    with pytest.raises(ValueError, match=says):
        Bandwidth(**parameters)


def test_toxiproxy_gets_its_own_units() -> None:
    """KB of 1,000 bytes a second."""
    (toxic,) = Bandwidth(per_second=Bytes(20_000)).toxics("web -> db")
    assert (toxic.type, dict(toxic.attributes)) == ("bandwidth", {"rate": 20})
    assert toxic.name.startswith("saleproof-bandwidth-")
