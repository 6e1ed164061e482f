"""How far a recovery time is from the truth, and how often its interval has the truth in it."""

from __future__ import annotations

from functools import partial

import numpy as np

from chaos.stats.recovery import fit
from chaos.stats.sequential import BIN_S

from .noise import Dice
from .suite import Found, Suite, at_least, at_most, percent

RATE = 200.0
WATCHED_S = 60.0
LATEST_S = 20.0
BUDGET = 0.001


def _recovered(harm: float, usual: float, rate: float, dice: Dice, count: int) -> Found:
    """The harm goes on for a time drawn between nothing and 20 s, within a bin as likely as at its end."""
    errors, covered = [], 0
    starts_s = np.arange(round(WATCHED_S / BIN_S)) * BIN_S
    for _ in range(count):
        truth_s = dice.random() * LATEST_S
        harmed = np.clip((truth_s - starts_s) / BIN_S, 0, 1)
        hit, other = dice.poisson(rate * BIN_S * harmed), dice.poisson(rate * BIN_S * (1 - harmed))
        bad = dice.binomial(hit, harm) + dice.binomial(other, usual)
        found = fit(bad, hit + other, BIN_S, budget=BUDGET)
        errors.append(round(abs(found.at_s - truth_s), 3))
        covered += found.low_s <= truth_s <= found.high_s
    return {"n": count, "errors": errors, "covered": covered}


def _row(cell: str, found: Found) -> tuple[str, ...]:
    errors, n = sorted(found["errors"]), found["n"]
    return (
        cell, f"{n:,}", f"{errors[n // 2]:.2f} s", f"{errors[int(0.95 * n)]:.2f} s", percent(found["covered"] / n),
        percent(at_least(found["covered"], n)),
    )  # fmt: skip


RECOVERY = Suite(
    name="recovery",
    title="Recovery time: from the removal of the fault until the last harm",
    head=("bad until then, usually, requests/s", "recoveries", "error, median", "p95", "covered", "99 % lower bound"),
    cells={
        f"{100 * harm:g} %, {100 * usual:g} %, {rate:g}": partial(_recovered, harm, usual, rate)
        for harm, usual, rate in (
            (1.0, 0.0, 200.0), (1.0, 0.0005, 200.0), (0.5, 0.0005, 200.0), (0.1, 0.0005, 200.0), (0.5, 0.0005, 50.0),
        )
    },
    row=_row,
    count=4000,
    piece=500,
    note="Drawn between 0 and 20 s of 60 that are watched. `covered`: the interval has the truth in it.",
    wrong=lambda cell, f: (
        "the interval covers less than 95 %" if at_most(f["covered"], f["n"], 0.999) < 0.95 else ""
    ),
)  # fmt: skip
