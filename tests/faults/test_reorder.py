"""`reorder`."""

from __future__ import annotations

import pytest
from netemcases import judged

from chaos.faults.reorder import Reorder
from chaos.units import Duration, Ratio


def test_the_kernel_is_told_the_delay_and_the_share() -> None:
    """In netem's words."""
    assert Reorder(ratio=Ratio(0.25)).words() == ["netem", "delay", "20ms", "reorder", "25%"]


def test_a_delay_that_lets_nothing_overtake_is_refused() -> None:
    """Packets of the confirmation are 2 ms apart."""
    with pytest.raises(ValueError, match="delay is 5ms; it must be between 8ms"):
        Reorder(ratio=Ratio(0.25), delay=Duration(0.005))


def test_packets_out_of_order_are_counted() -> None:
    """Several may overtake the same one, so half of the share is enough."""
    assert judged(Reorder, reordered=28).confirmed
    assert judged(Reorder, reordered=15).confirmed
    assert not judged(Reorder, reordered=0).confirmed
    assert not judged(Reorder, reordered=120).confirmed
