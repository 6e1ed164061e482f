"""What becomes of an instance that ended: pure, from its restart policy and how it died."""

from __future__ import annotations

from typing import Literal, NamedTuple

from chaos.model.target import Restart

QUICK_S = 10.0  # a death this soon after the start is a quick one: the pause before the next start doubles
QUICK_DEATHS_MAX = 5  # then it has failed
FIRST_DEATHS_MAX = 3  # one that was never ready has failed earlier: it is wrong, not hurt
BACKOFF_MAX_S = 30.0


class Next(NamedTuple):
    """Start it again after `backoff_s`, or leave it `stopped` or `failed`. `quick_deaths` are those in a row."""

    what: Literal["again", "stopped", "failed"]
    why: str
    quick_deaths: int = 0
    backoff_s: float = 0.0


def after_death(
    restart: Restart, *, code: int | None, lived_s: float, quick_deaths: int, started: bool, on_purpose: bool
) -> Next:
    """`code` as in subprocess, None when nobody knows; `on_purpose`: an experiment did it, which is never its fault."""
    if restart.policy == "never" or (restart.policy == "on-failure" and code == 0):
        return Next("stopped", f"its restart policy is {restart.policy}")
    quick = 0 if on_purpose or lived_s >= QUICK_S else quick_deaths + 1
    if quick >= (QUICK_DEATHS_MAX if started else FIRST_DEATHS_MAX):
        return Next("failed", f"{quick} quick deaths in a row", quick)
    backoff_s = min(BACKOFF_MAX_S, float(restart.backoff) * 2 ** max(0, quick - 1))
    return Next("again", f"again in {backoff_s:g} s", quick, backoff_s)
