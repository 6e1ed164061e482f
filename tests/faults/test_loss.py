"""`loss`."""

from __future__ import annotations

import pytest
from docker_project import Project

from chaos import faults
from chaos.faults.loss import Loss
from chaos.faults.shared.packets import fits, packets_for
from chaos.units import Ratio


@pytest.mark.parametrize("ratio", [0.0, 0.01, 1.01])
def test_a_ratio_that_cannot_be_confirmed_is_refused(ratio: float) -> None:
    """Too rare to be seen in the time of a confirmation, or no share at all."""
    with pytest.raises(ValueError, match="it must be between 2% and 100%"):
        Loss(ratio=Ratio(ratio))


def test_how_much_is_lost_is_judged_by_chance() -> None:
    """30 of 600 is 5 %; none is not, nor is three times as many."""
    assert packets_for(0.05) == 600
    assert packets_for(1.0) == 60
    assert fits(30, 600, 0.05)
    assert not fits(0, 600, 0.05)
    assert not fits(90, 600, 0.05)


@pytest.mark.docker
@pytest.mark.integration
@pytest.mark.parametrize(("direction", "share"), [("both", 0.36), ("in", 0.2), ("out", 0.2)])
def test_the_share_that_is_lost_is_measured(direction: str, share: float, containers: Project) -> None:
    """Both ways, a packet and its answer may each be lost: 1 - 0.8 * 0.8."""
    platform = containers.platform()
    fault = Loss(ratio=Ratio(0.2), direction=direction)  # type: ignore[arg-type]
    undo = fault.prepare("db", platform)
    try:
        assert not fault.confirm(undo, platform).confirmed
        fault.inject(undo, platform)
        evidence = fault.confirm(undo, platform)
        assert evidence.confirmed, evidence.text
        assert evidence.intended == pytest.approx(share)
    finally:
        faults.revert(undo)
