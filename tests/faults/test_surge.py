"""`surge`."""

from __future__ import annotations

import pytest

from chaos import faults
from chaos.errors import Unavailable
from chaos.faults.surge import Surge, count_s, fits
from chaos.load.control import get_multiplier, set_multiplier
from chaos.load.traffic import TrafficRun


@pytest.mark.parametrize("times", [0.0, -1.0, 1.0, 101.0, float("nan"), float("inf")])
def test_values_that_make_no_sense_are_refused(times: float) -> None:
    """A surge of 1 would be a fault that cannot bite."""
    with pytest.raises(ValueError, match="times is"):
        Surge(times=times)


@pytest.mark.parametrize("times", [0.5, 1.5, 2.0, 4.0])
@pytest.mark.parametrize("per_s", [20.0, 25.0, 240.0])
def test_what_fits_the_surge_does_not_fit_the_usual_traffic(times: float, per_s: float) -> None:
    """Counted for so long that one rate cannot be taken for the other; what would take too long is not confirmed."""
    seconds = count_s(per_s, per_s * times)
    assert 1 <= seconds <= 10
    both = [n for n in range(10_000) if fits(n, per_s * seconds) and fits(n, per_s * times * seconds)]
    assert not both or seconds == 10


def test_a_small_surge_of_few_customers_cannot_be_told() -> None:
    """10 % more of 25 a second: the usual count fits too."""
    assert count_s(25, 27.5) == 10
    assert fits(275, 250)


@pytest.mark.integration
@pytest.mark.parametrize("times", [2, 4])
def test_customers_are_counted_as_they_come(traffic: TrafficRun, times: int) -> None:
    """The multiplier says one thing and the arrivals another: not confirmed."""
    fault = Surge(times=times)
    undo = fault.prepare("traffic", traffic)
    fault.inject(undo, traffic)
    try:
        assert get_multiplier(traffic.traffic_control()) == times
        evidence = fault.confirm(undo, traffic)
        assert evidence.confirmed, evidence.text
        assert evidence.intended == 20 * times
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
