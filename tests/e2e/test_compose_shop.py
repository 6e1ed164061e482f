"""The reference shop on Docker Compose, for whole commands: up, status, plan, the catalogue on both variants, down.

Its project's name is the same everywhere on an engine, so nothing else may use it meanwhile. Of the catalogue two are
chosen, which take three minutes; SALEPROOF_COMPOSE_CATALOGUE=all (`make test-compose`) runs all of it on both
variants, a quarter of an hour.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from chaos.platforms.compose.engine import connect
from chaos.spec import load_experiment

from .compose import left
from .conftest import ROOT, Saleproof

pytestmark = [pytest.mark.e2e, pytest.mark.docker, pytest.mark.alone, pytest.mark.timeout(400)]
PROJECT = "saleproof-shop"
# Those that say what they expect; the others show what there is to see, and claim nothing of either variant.
CATALOGUE = [path for path in sorted((ROOT / "experiments").glob("*.yaml")) if load_experiment(path)[0].expects]
CHOSEN = {("resilient", "web-crash"), ("fragile", "db-latency-spike")}
ALL = os.environ.get("SALEPROOF_COMPOSE_CATALOGUE") == "all"


@pytest.fixture(scope="module", params=["resilient", "fragile"])
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


@pytest.mark.parametrize("path", CATALOGUE, ids=lambda p: p.stem)
def test_the_catalogue_shows_what_it_expects(shop: tuple[Saleproof, str], path: Path) -> None:
    """With the profile `ci`, unchanged. What is expected of each variant stands in the file, under `expects`."""
    saleproof, variant = shop
    if not ALL and (variant, path.stem) not in CHOSEN:
        pytest.skip("not of the few that are chosen: make test-compose runs all")
    expected = load_experiment(path)[0].expects[variant]
    done = saleproof("run", str(path), "--profile", "ci", "--platform", "compose", "--variant", variant, "--json")
    verdict: dict[str, Any] = json.loads(done.stdout)
    outcome, _, reason = expected.partition(": ")
    assert verdict["outcome"] == outcome, verdict["reasons"]
    assert done.returncode == {"held": 0, "deviated": 1}[outcome]
    assert all(fault["confirmed"] and fault["reverted"] for fault in verdict["faults"])
    if variant == "resilient":
        assert {i["outcome"] for i in verdict["invariants"]} == {"held"}
    if reason:
        sli = reason.split(",")[0]
        deviated = {(c["phase"], c["condition"].split()[0]) for c in verdict["checks"] if c["outcome"] == "deviated"}
        assert ("during", sli) in deviated
    assert saleproof.json("status")["faults"] == []
