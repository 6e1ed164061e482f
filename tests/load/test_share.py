"""How many generator processes a rate takes."""

from __future__ import annotations

import os

import pytest

from chaos.load import ENGINE_NAMES
from chaos.load.generator import ENGINES
from chaos.load.share import CLAIMED_PER_S, generators_for, requests_per_s
from chaos.load.wire import Config
from chaos.model.target import Journey
from tests.load.customers import HOME, ORDER, traffic


def test_every_engine_has_a_name_and_a_rate_that_it_claims() -> None:
    """The command line's choices, the generator's engines and the measured rates are the same; one that is started by
    hand takes the first."""
    assert tuple(ENGINES) == ENGINE_NAMES == tuple(CLAIMED_PER_S)
    by_hand = Config(traffic=traffic(HOME), base_url="", seed=1, t0_s=0.0, control="")
    assert by_hand.engine == ENGINE_NAMES[0]


def test_requests_are_counted_by_the_weights_of_the_journeys() -> None:
    """A quarter of the customers make two requests, the rest one."""
    journeys = (Journey(name="look", weight=3, steps=("home",)), Journey(name="buy", weight=1, steps=("home", "order")))
    assert requests_per_s(traffic(HOME, ORDER, rate=100, journeys=journeys), 2.0) == pytest.approx(250.0)


@pytest.mark.parametrize("engine", ENGINE_NAMES)
def test_one_process_sends_what_it_claims(engine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """More than that takes more of them, and never more than there are processors."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)))
    claimed = CLAIMED_PER_S[engine]
    assert generators_for(0.0, engine) == generators_for(claimed, engine) == 1
    assert generators_for(claimed * 2.5, engine) == 3
    assert generators_for(claimed * 100, engine) == 8
