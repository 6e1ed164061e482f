"""`duplicate`."""

from __future__ import annotations

from netemcases import judged

from chaos.faults.duplicate import Duplicate
from chaos.units import Ratio


def test_the_kernel_is_told_the_share() -> None:
    """In netem's words."""
    assert Duplicate(ratio=Ratio(1 / 8)).words() == ["netem", "duplicate", "12.5%"]


def test_packets_that_came_twice_are_counted() -> None:
    """A tenth of 300, as chance may have it; none, or three times as many, is something else."""
    found = judged(Duplicate, duplicates=27)
    assert found.confirmed
    assert found.text == "27 of 300 answers to web came twice, 10% intended (before: 0 of 30)"
    assert not judged(Duplicate, duplicates=0).confirmed
    assert not judged(Duplicate, duplicates=90).confirmed
