"""The reference shop on Docker Compose, for whole commands: up, status, plan, the catalogue on both variants, down.

Its project's name is the same everywhere on an engine, so its tests follow each other. catalogue.py says which
experiments are run.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from chaos.platforms.compose.engine import connect

from .catalogue import Pair, check, each_of, pairs
from .compose import left
from .conftest import Saleproof

pytestmark = [pytest.mark.e2e, pytest.mark.docker, pytest.mark.catalogue, pytest.mark.timeout(400)]
PROJECT = "saleproof-shop"


@pytest.fixture(scope="module")
def shop(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Saleproof, str]]:
    """Up as one variant for all tests of it; after `down` nothing of it is left on the engine."""
    engine = connect()
    assert left(engine, PROJECT) == [], "the shop is up on this engine already; take it down first"
    command = Saleproof(state=tmp_path_factory.mktemp(request.param), own={"DOCKER_HOST": engine.endpoint.host})
    try:
        up = command("up", "--platform", "compose", "--variant", request.param)
        assert up.returncode == 0, up.stderr
        yield command, request.param
    finally:
        down = command("down", "--platform", "compose")
    assert down.returncode == 0, down.stderr
    assert left(engine, PROJECT) == []
    assert command.leftovers() == []


@pytest.mark.parametrize("shop", ["resilient", "fragile"], indirect=True, scope="module")
def test_status_and_plan_say_what_is_there(shop: tuple[Saleproof, str]) -> None:
    """Without --platform it is found where it is up; the plan names the very containers that it would touch."""
    saleproof, variant = shop
    status = saleproof.json("status")
    assert (status["platform"], status["variant"]) == ("compose", variant)
    assert {one["name"] for one in status["services"] if one["healthy"]} == {
        "edge", "web-1", "web-2", "web-3", "payments", "cache", "replica", "db",
    }  # fmt: skip
    plan = saleproof("plan", "experiments/web-crash.yaml", "--variant", variant)
    assert plan.returncode == 0, plan.stderr
    assert f"container {PROJECT}-web-1-1" in " ".join(plan.stdout.split())


@each_of(pairs("compose"))
def test_the_catalogue_shows_what_it_expects(shop: tuple[Saleproof, str], pair: Pair) -> None:
    """With the profile `ci`, unchanged. What is expected of each variant stands in the file, under `expects`."""
    (saleproof, variant), (_, path) = shop, pair
    done = saleproof("run", str(path), "--profile", "ci", "--platform", "compose", "--variant", variant, "--json")
    check(json.loads(done.stdout), done.returncode, variant, path)
    assert saleproof.json("status")["faults"] == []
