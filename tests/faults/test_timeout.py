"""`timeout`."""

from __future__ import annotations

from typing import Any

import pytest

from chaos.faults.timeout import Timeout
from chaos.units import Duration, Ratio


@pytest.mark.parametrize(
    ("parameters", "says"),
    [
        ({"after": Duration(0)}, "after is 0s"),
        ({"toxicity": Ratio(0)}, "toxicity is 0%"),
    ],
)
def test_values_that_make_no_sense_are_refused(parameters: dict[str, Any], says: str) -> None:
    """Before anything is sent: some of them crash Toxiproxy."""
    with pytest.raises(ValueError, match=says):
        Timeout(**parameters)


def test_toxiproxy_gets_its_own_units() -> None:
    """Milliseconds."""
    (toxic,) = Timeout(after=Duration(1.5)).toxics("web -> db")
    assert (toxic.type, dict(toxic.attributes)) == ("timeout", {"timeout": 1500})
    assert toxic.name.startswith("saleproof-timeout-")
