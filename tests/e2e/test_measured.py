"""What is measured against what is known otherwise: by somebody else's client, by the server's own clock."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ..calibration.measured import Stand, delays, recovery, stall, stand

pytestmark = [pytest.mark.e2e, pytest.mark.alone]


@pytest.fixture(scope="module")
def here() -> Iterator[Stand]:
    with stand() as up:
        yield up


def test_injected_delays_are_what_redis_py_sees(here: Stand) -> None:
    """10, 50 and 300 ms within 5 ms and 5 %; a jitter of 20 ms is as wide as a uniform one is."""
    for one in delays(here):
        room_ms = 5 + 0.05 * one.intended_ms + 0.2 * one.jitter_ms
        assert abs(one.median_ms - one.intended_ms) < room_ms, one
        if one.jitter_ms:
            assert 0.6 * one.intended_deviation_ms < one.deviation_ms < 2 * one.intended_deviation_ms, one
            assert one.smallest_ms > one.intended_ms - one.jitter_ms - 5, one


def test_a_stopped_servers_p99_is_the_truth(here: Stand) -> None:
    """2 s of 10, 200 requests a second: generators that wait for answers say anything from 0.4 ms to 1.8 s."""
    measured_s, truth_s, _ = stall(here)
    assert 1.7 < truth_s < 2.5
    assert measured_s == pytest.approx(truth_s, rel=0.03)


def test_a_recovery_time_is_the_servers_own(here: Stand) -> None:
    """It fails for 3 s more after the fault is gone."""
    found, truth_s = recovery(here)
    assert found["low_s"] - 0.1 <= truth_s <= found["high_s"] + 0.1
    assert found["at_s"] == pytest.approx(truth_s, abs=0.3)
