"""`reset`."""

from __future__ import annotations

from typing import Any

import pytest

from chaos.faults.reset import Reset
from chaos.units import Duration, Ratio


@pytest.mark.parametrize(
    ("parameters", "says"),
    [
        ({"after": Duration(-1)}, "it must be between 0s and 1d"),
        ({"toxicity": Ratio(0)}, "toxicity is 0%"),
    ],
)
def test_values_that_make_no_sense_are_refused(parameters: dict[str, Any], says: str) -> None:
    """Before anything is sent: some of them crash Toxiproxy."""
    with pytest.raises(ValueError, match=says):
        Reset(**parameters)


def test_toxiproxy_gets_its_own_units() -> None:
    """Milliseconds."""
    (toxic,) = Reset(after=Duration(0.25)).toxics("web -> db")
    assert (toxic.type, dict(toxic.attributes)) == ("reset_peer", {"timeout": 250})
    assert toxic.name.startswith("saleproof-reset-")
