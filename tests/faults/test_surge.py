"""`surge`."""

from __future__ import annotations

import pytest

from chaos import faults
from chaos.errors import Unavailable
from chaos.faults.surge import Surge
from chaos.load.control import get_multiplier, set_multiplier
from chaos.load.traffic import TrafficRun


@pytest.mark.parametrize("times", [0.0, -1.0, 1.0, 101.0, float("nan"), float("inf")])
def test_values_that_make_no_sense_are_refused(times: float) -> None:
    """A surge of 1 would be a fault that cannot bite."""
    with pytest.raises(ValueError, match="times is"):
        Surge(times=times)


@pytest.mark.integration
def test_customers_are_counted_as_they_come(traffic: TrafficRun) -> None:
    """The multiplier says one thing and the arrivals another: not confirmed."""
    fault = Surge(times=4)
    undo = fault.prepare("traffic", traffic)
    fault.inject(undo, traffic)
    try:
        assert get_multiplier(traffic.traffic_control()) == 4
        evidence = fault.confirm(undo, traffic)
        assert evidence.confirmed, evidence.text
        assert evidence.intended == 80
        set_multiplier(traffic.traffic_control(), 1)
        assert not fault.confirm(undo, traffic).confirmed
    finally:
        faults.revert(undo)
    assert get_multiplier(traffic.traffic_control()) == 1


@pytest.mark.integration
def test_a_generator_that_is_gone_has_no_surge(traffic: TrafficRun) -> None:
    """Its customers are gone with it."""
    undo = Surge(times=4).prepare("traffic", traffic)
    for generator in undo.data["control"]["generators"]:
        generator["start_ticks"] += 1
    assert not faults.is_present(undo)
    faults.revert(undo)


@pytest.mark.integration
def test_without_traffic_there_is_nothing_to_multiply() -> None:
    """Said before anything is injected."""

    class Ended:
        def traffic_control(self) -> dict[str, object]:
            return {"boot_id": "another", "generators": []}

    with pytest.raises(Unavailable, match="gone"):
        Surge(times=2).prepare("traffic", Ended())
