"""The tiny shop and its customers as fixtures, one for each test process."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
import tinyshop

from chaos.load.traffic import TrafficRun
from chaos.model.target import Journey, Step, Traffic
from chaos.units import Rate


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tinyshop.TinyShop]:
    """A small real target; every test leaves it as it found it."""
    tinyshop.install()
    running = tinyshop.TinyShop(tmp_path_factory.mktemp("tiny"))
    try:
        running.up()
        yield running
    finally:
        running.down()


@pytest.fixture(scope="session")
def traffic(shop: tinyshop.TinyShop, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TrafficRun]:
    """Twenty customers a second at the tiny shop's door."""
    customers = Traffic(
        entry="web",
        rate=Rate(20),
        steps={"home": Step(name="home", method="GET", path="/")},
        journeys=(Journey(name="look", weight=1, steps=("home",)),),
    )
    running = TrafficRun.start(
        customers, base_url=f"http://127.0.0.1:{shop.ports['web']}", profile="normal", seed=1, t0_s=time.monotonic(),
        state_dir=tmp_path_factory.mktemp("traffic"), on_batch=lambda batch: None, on_end=lambda reason: None,
    )  # fmt: skip
    try:
        yield running
    finally:
        running.stop(0)
