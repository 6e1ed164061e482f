"""Every experiment of the catalogue, on both variants, for real: held on `resilient`, deviated on `fragile`, and for
the reason that the file names."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from chaos.planner import platforms_for
from chaos.spec import load_experiment

from .conftest import ROOT, Saleproof

pytestmark = [pytest.mark.e2e, pytest.mark.alone, pytest.mark.timeout(300)]
# Those whose faults this platform has; the others need containers.
CATALOGUE = [
    path
    for path in sorted((ROOT / "experiments").glob("*.yaml"))
    if "embedded" in platforms_for(load_experiment(path)[0])
]


@pytest.mark.parametrize("path", CATALOGUE, ids=lambda p: p.stem)
def test_it_shows_what_it_expects(shop: tuple[Saleproof, str], path: Path) -> None:
    """With the profile `ci`. What is expected of each variant stands in the file, under `expects`."""
    saleproof, variant = shop
    expected = load_experiment(path)[0].expects[variant]
    done = saleproof("run", str(path), "--profile", "ci", "--variant", variant, "--json")
    verdict: dict[str, Any] = json.loads(done.stdout)
    outcome, _, reason = expected.partition(": ")
    assert verdict["outcome"] == outcome, verdict["reasons"]
    assert done.returncode == {"held": 0, "deviated": 1}[outcome]
    assert all(fault["confirmed"] and fault["reverted"] for fault in verdict["faults"])
    if variant == "resilient":  # without its defences the shop may well take money for an order that it then forgets
        assert {i["outcome"] for i in verdict["invariants"]} == {"held"}
    if reason:
        sli = reason.split(",")[0]
        deviated = {(c["phase"], c["condition"].split()[0]) for c in verdict["checks"] if c["outcome"] == "deviated"}
        assert ("during", sli) in deviated
    assert saleproof.json("status")["faults"] == []
