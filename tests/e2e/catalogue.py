"""Which experiment is run on which variant and platform by `make test`: each of them on each variant, on one of the two
platforms. `make catalogue` (SALEPROOF_CATALOGUE=all) runs everything on both."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from chaos.planner import platforms_for
from chaos.spec import load_experiment

ROOT = Path(__file__).parents[2]
ALL = os.environ.get("SALEPROOF_CATALOGUE") == "all"
# The variant with its defences is tried in containers, the one without them on this machine; and one of each the other
# way round. What needs containers is tried there, two of them each time.
ON_COMPOSE = {
    "resilient": {
        "web-crash",
        "cache-outage",
        "partition-web-from-db",
        "flash-sale-surge",
        "cache-disk-full",
        "no-fault",
    },
    "fragile": {"db-latency-spike", "cache-disk-full"},
}
ALSO_EMBEDDED = {"db-latency-spike"}
# The control is tried once here; `make calibration` does it a hundred times.
LEFT_OUT = {("fragile", "no-fault")}

Pair = tuple[str, Path]


def each_of(found: list[Pair]) -> pytest.MarkDecorator:
    """A test for each, with `shop` as the variant. Bringing the shop up is what takes time: the scope keeps it up from
    one test to the next, and each pair is a parameter of its own, or pytest would bring those of one experiment
    together rather than those of one variant."""
    return pytest.mark.parametrize(
        ("shop", "pair"), [_parameters(pair) for pair in found], indirect=["shop"], scope="module"
    )


def _parameters(pair: Pair) -> Any:
    variant, path = pair
    # To hold, it must be carried: that takes the whole machine. The other experiments send what one core carries.
    marks = [pytest.mark.alone] if (variant, path.stem) == ("resilient", "flash-sale-surge") else []
    return pytest.param(variant, pair, id=f"{variant}-{path.stem}", marks=marks)


def pairs(platform: str) -> list[Pair]:
    """(variant, experiment), variant by variant."""
    found = [path for path in sorted((ROOT / "experiments").glob("*.yaml")) if _runs(path, platform)]
    return [
        (variant, path)
        for variant in ("resilient", "fragile")
        for path in found
        # Some say nothing of one variant.
        if variant in load_experiment(path)[0].expects and (ALL or _chosen(platform, variant, path.stem))
    ]


def _runs(path: Path, platform: str) -> bool:
    return platform in platforms_for(load_experiment(path)[0])


def _chosen(platform: str, variant: str, name: str) -> bool:
    if (variant, name) in LEFT_OUT:
        return False
    there = name in ON_COMPOSE[variant]
    if platform == "compose":
        return there
    return not there or name in ALSO_EMBEDDED


def check(verdict: dict[str, Any], code: int, variant: str, path: Path) -> None:
    """Is it what the file expects of that variant, and for the reason that it names?"""
    outcome, _, reason = load_experiment(path)[0].expects[variant].partition(": ")
    assert verdict["outcome"] == outcome, verdict["reasons"]
    assert code == {"held": 0, "deviated": 1}[outcome]
    assert all(fault["confirmed"] and fault["reverted"] for fault in verdict["faults"])
    if variant == "resilient":  # without its defences the shop may well take money for an order that it then forgets
        assert {i["outcome"] for i in verdict["invariants"]} == {"held"}
    if reason:
        sli = reason.split(",")[0]
        deviated = {(c["phase"], c["condition"].split()[0]) for c in verdict["checks"] if c["outcome"] == "deviated"}
        assert ("during", sli) in deviated
