"""What a suite of simulations is, and how it is done in pieces that can be done again, in any order and process."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy.stats import beta

from .noise import Dice

# What a piece found: numbers are added up over the pieces, lists are joined.
Found = dict[str, Any]
Simulate = Callable[[Dice, int], Found]


@dataclass(frozen=True, kw_only=True)
class Suite:
    """`cells` are the rows of its table; each is simulated `count` times in full, in pieces of `piece`."""

    name: str
    title: str
    head: tuple[str, ...]
    cells: dict[str, Simulate]
    row: Callable[[str, Found], tuple[str, ...]]
    count: int = 4000
    piece: int = 100
    counts: dict[str, int] = field(default_factory=dict)  # of cells that take more to prove something
    # What must be true of a cell; empty when it is.
    wrong: Callable[[str, Found], str] = lambda cell, found: ""
    note: str = ""


@dataclass(frozen=True, kw_only=True, order=True)
class Piece:
    """One part of one cell: what is simulated is a function of these and of the code alone."""

    suite: str
    cell: str
    number: int
    count: int
    seed: int

    @property
    def key(self) -> str:
        return f"{self.suite}/{self.cell}/{self.number}/{self.count}/{self.seed}"

    def dice(self) -> Dice:
        words = [self.seed, self.number, *f"{self.suite}/{self.cell}".encode()]
        return np.random.default_rng(np.random.SeedSequence(words))


def pieces(suite: Suite, *, share: float, seed: int) -> list[Piece]:
    """All of a suite, or a share of it (at least one piece a cell)."""
    found = [
        Piece(suite=suite.name, cell=cell, number=n, count=suite.piece, seed=seed)
        for cell in suite.cells
        for n in range(max(1, round(suite.counts.get(cell, suite.count) * share / suite.piece)))
    ]
    # In turns, so that whoever interrupts has some of each.
    return sorted(found, key=lambda piece: piece.number)


def together(parts: Iterable[Found]) -> Found:
    """Numbers added up, lists joined."""
    whole: Found = {}
    for part in parts:
        for name, value in part.items():
            whole[name] = whole[name] + value if name in whole else value
    return whole


def at_most(k: int, n: int, confidence: float = 0.99) -> float:
    """Clopper and Pearson's one-sided upper bound: what k of n proves the rate to be below."""
    return 1.0 if k >= n else float(beta.ppf(confidence, k + 1, n - k))


def at_least(k: int, n: int, confidence: float = 0.99) -> float:
    """The lower bound."""
    return 0.0 if k <= 0 else float(beta.ppf(1 - confidence, k, n - k + 1))


def percent(share: float) -> str:
    """Three figures that matter: `0.18 %`, `97.3 %`."""
    value = 100 * share
    return f"{value:.2f} %" if value < 10 else f"{value:.1f} %"
