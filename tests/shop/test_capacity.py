"""Both variants carry what they were built for, and the fragile one no more than that."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.integration, pytest.mark.e2e, pytest.mark.alone]

ROOT = Path(__file__).parents[2]


def measure(variant: str, *times: float, seconds: float) -> list[dict[str, Any]]:
    words = [str(ROOT / "bench" / "shop_capacity.py"), "--json", "--variant", variant, "--seconds", str(seconds)]
    run = subprocess.run(
        [sys.executable, *words, "--times", *map(str, times)], capture_output=True, text=True, cwd=ROOT, timeout=200
    )
    assert run.returncode == 0, run.stderr
    return [json.loads(line) for line in run.stdout.splitlines()]


def holds(found: dict[str, Any]) -> bool:
    """The objectives: 99 % of the requests are good, 99 % of the pages come within 2 s."""
    return bool(found["availability"] >= 0.99 and found["pages_p99_s"] < 2.0)


def test_the_fragile_shop_carries_one_and_a_half_but_not_three_times_normal() -> None:
    """Its limits are connections and workers, not this machine's speed."""
    normal, more, too_much = measure("fragile", 1, 1.5, 4, seconds=10)
    assert holds(normal), normal
    assert holds(more), more
    assert not holds(too_much), too_much


def test_the_resilient_shop_carries_five_times_normal() -> None:
    """With all its defences on."""
    (found,) = measure("resilient", 5, seconds=8)
    assert holds(found), found
    assert found["availability"] >= 0.999
    assert found["rate"] > 300
