"""`latency`."""

from __future__ import annotations

from typing import Any

import pytest
from tinyshop import TinyShop

from chaos import faults
from chaos.faults.latency import Latency
from chaos.units import Duration, Ratio


@pytest.mark.parametrize(
    ("parameters", "says"),
    [
        ({"delay": Duration(0)}, "delay is 0s; it must be between 1ms and 1d"),
        ({"delay": Duration(0.1), "jitter": Duration(0.2)}, "jitter is 200ms; it must not be more than the delay"),
        ({"delay": Duration(0.1), "toxicity": Ratio(0)}, "toxicity is 0%; it must be between"),
    ],
)
def test_values_that_make_no_sense_are_refused(parameters: dict[str, Any], says: str) -> None:
    """Each with what was got and what is allowed."""
    with pytest.raises(ValueError, match=says):
        Latency(**parameters)


def test_toxiproxy_gets_whole_milliseconds() -> None:
    """It would drop a fraction silently."""
    (toxic,) = Latency(delay=Duration(0.3004), jitter=Duration(0.05), stream="upstream").toxics("web -> db")
    assert (toxic.type, toxic.stream, toxic.attributes) == ("latency", "upstream", {"latency": 300, "jitter": 50})
    assert toxic.name.startswith("saleproof-latency-")


@pytest.mark.integration
@pytest.mark.parametrize(
    "fault",
    [
        Latency(delay=Duration(0.2), stream="upstream"),
        Latency(delay=Duration(0.1), jitter=Duration(0.1)),
        Latency(delay=Duration(0.2), toxicity=Ratio(0.3)),
        Latency(delay=Duration(0.5)),
        Latency(delay=Duration(0.01)),
        Latency(delay=Duration(0.3), jitter=Duration(0.05)),
    ],
    ids=["upstream", "much jitter", "a third", "long", "short", "as in the catalogue"],
)
def test_the_delay_is_measured(shop: TinyShop, fault: Latency) -> None:
    """In either direction, with jitter as big as the delay, and when only some connections are hit."""
    undo = fault.prepare("web -> cache", shop)
    fault.inject(undo, shop)
    try:
        evidence = fault.confirm(undo, shop)
        assert evidence.confirmed, evidence.text
        if fault.spread() >= 1:
            assert evidence.unit == "ms"
            assert evidence.measured is not None
            assert evidence.measured >= 0.7 * fault.delay.ms
            assert evidence.text.startswith("+")
            assert evidence.samples is not None
            assert evidence.samples >= 8
            assert evidence.low is not None
            assert evidence.high is not None
            assert evidence.low <= evidence.measured <= evidence.high
            print(evidence.text)
    finally:
        faults.revert(undo)
