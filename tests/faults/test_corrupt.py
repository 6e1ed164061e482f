"""`corrupt`."""

from __future__ import annotations

from netemcases import judged

from chaos.faults.corrupt import Corrupt
from chaos.units import Ratio


def test_the_kernel_is_told_the_share() -> None:
    """In netem's words."""
    assert Corrupt(ratio=Ratio(0.05)).words() == ["netem", "corrupt", "5%"]


def test_packets_that_were_damaged_are_counted() -> None:
    """Those that arrive damaged, and those that were thrown away for it."""
    evidence = judged(Corrupt, answered=272, garbled=20)
    assert evidence.confirmed
    assert evidence.text.startswith("28 of 300 answers to web damaged (20) or thrown away on the way, 10% intended")
    assert not judged(Corrupt).confirmed
