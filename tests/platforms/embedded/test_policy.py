"""What becomes of an instance that ended."""

from __future__ import annotations

from typing import Any

import pytest

from chaos.model.target import Restart
from chaos.platforms.embedded.policy import BACKOFF_MAX_S, Next, after_death
from chaos.units import Duration


def after(policy: Any = "on-failure", **changes: Any) -> Next:
    said: dict[str, Any] = {"code": -9, "lived_s": 1.0, "quick_deaths": 0, "started": True, "on_purpose": False}
    return after_death(Restart(policy=policy, backoff=Duration(0.5)), **{**said, **changes})


@pytest.mark.parametrize(
    ("policy", "code", "what"),
    [
        ("on-failure", 0, "stopped"),
        ("on-failure", 1, "again"),
        ("on-failure", -9, "again"),
        ("on-failure", None, "again"),  # not our child: who knows
        ("always", 0, "again"),
        ("never", 1, "stopped"),
        ("never", 0, "stopped"),
    ],
)
def test_the_policy(policy: str, code: int | None, what: str) -> None:
    """As in every supervisor; an unknown status counts as a failure."""
    assert after(policy, code=code).what == what


def test_the_pauses_double_and_then_it_has_failed() -> None:
    """Five quick deaths in a row; three for one that was never ready."""
    assert [after(quick_deaths=n).backoff_s for n in range(4)] == [0.5, 1.0, 2.0, 4.0]
    assert after(quick_deaths=4).what == "failed"
    assert after(quick_deaths=2, started=False).what == "failed"


def test_a_pause_has_a_limit() -> None:
    """However long the backoff is that a target asks for."""
    restart = Restart(backoff=Duration(20))
    then = after_death(restart, code=1, lived_s=0, quick_deaths=3, started=True, on_purpose=False)
    assert then.backoff_s == BACKOFF_MAX_S


def test_a_long_life_is_forgiven() -> None:
    """Deaths are only counted in a row."""
    assert after(lived_s=60, quick_deaths=4) == Next("again", "again in 0.5 s", 0, 0.5)


def test_what_was_done_to_it_is_not_its_fault() -> None:
    """An experiment crashes it again and again."""
    assert after(on_purpose=True, quick_deaths=4) == Next("again", "again in 0.5 s", 0, 0.5)
