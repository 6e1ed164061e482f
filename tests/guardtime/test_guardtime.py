"""The stopwatch itself: one run, measured from its record and from outside."""

from __future__ import annotations

import pytest

from .__main__ import once, table
from .cases import CASES
from .grounds import Ground


@pytest.mark.e2e
def test_a_breach_is_measured_from_the_record_and_from_outside() -> None:
    """The guard sees it, reverts, and it is gone as Toxiproxy's API says too; the table has the figures."""
    (case,) = [case for case in CASES if case.name == "down"]
    with Ground() as ground:
        row = once(ground, case)
    assert "wrong" not in row, row
    assert 0 < row["seen"] <= row["issued"] <= row["reverted"]
    assert row["outside"] > 0
    assert "| embedded | down | 1 |" in table([row])
