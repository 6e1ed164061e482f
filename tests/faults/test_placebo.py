"""`placebo`."""

from __future__ import annotations

from chaos import faults
from chaos.faults.placebo import Placebo


def test_a_placebo_is_confirmed_and_never_there() -> None:
    """It does all that it should, which is nothing; the windows around it are judged like any other's."""
    fault = Placebo()
    undo = fault.prepare("placebo", None)
    fault.inject(undo, None)
    evidence = fault.confirm(undo, None)
    assert evidence.confirmed
    assert "nothing was changed" in evidence.text
    assert not faults.is_present(undo)
    faults.revert(undo)
