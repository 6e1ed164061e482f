"""`slow-close`."""

from __future__ import annotations

from typing import Any

import pytest

from chaos.faults.slow_close import SlowClose
from chaos.units import Duration, Ratio


@pytest.mark.parametrize(
    ("parameters", "says"),
    [
        ({"delay": Duration(0)}, "delay is 0s"),
        ({"delay": Duration(1), "toxicity": Ratio(0.02)}, "toxicity is 2%"),
    ],
)
def test_values_that_make_no_sense_are_refused(parameters: dict[str, Any], says: str) -> None:
    """Before anything is sent: some of them crash Toxiproxy."""
    with pytest.raises(ValueError, match=says):
        SlowClose(**parameters)


def test_toxiproxy_gets_its_own_units() -> None:
    """Milliseconds."""
    (toxic,) = SlowClose(delay=Duration(0.5)).toxics("web -> db")
    assert (toxic.type, dict(toxic.attributes)) == ("slow_close", {"delay": 500})
    assert toxic.name.startswith("saleproof-slow-close-")
