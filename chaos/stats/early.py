"""When to say `held` before a window has lasted its longest: a likelihood ratio that may be looked at at any moment.

    E_n = 1/J sum_j q_j^k ((1 - q_j b) / (1 - b))^(n - k)

    n, k   samples, bad ones among them, in the order of their start
    b      budget: the largest bad fraction that the objective allows
    q_j    J = 8 guesses of how much of the budget is used up: 0, and 1/128 ... 1/2

While each sample is bad with a chance of at least b, whatever came before, E_n is a supermartingale that starts at 1:
it ever reaches 1 / alpha with a chance of at most alpha (Ville). Peeking at the exact bound of `binomial` instead would
be wrong far more often than the 5 % that it promises.

A window that may end early is held in either of two ways: E_n >= 1 / 0.01 at an early end, or by the exact bound at its
longest with 0.96 instead of 0.95. Together they are wrong at most 1 % + 4 % of the time (Boole), if failures are
independent; that they come in bursts spoils both alike.

Source: Ville, 1939; Wald, 1945 (mixtures of likelihood ratios); Ramdas et al., arXiv:2210.01948.
"""

from __future__ import annotations

import math

from chaos.stats.binomial import fewest

ALPHA = 0.01  # of the 5 %, so little that a window without an early end loses next to nothing: 3,218 samples for 2,995
END_CONFIDENCE = 0.96
_GUESSES = (0.0, *(2.0**-j for j in range(7, 0, -1)))


def log_e(bad: int, total: int, budget: float) -> float:
    """ln E_n of so many bad samples among so many. 0.0 where nothing can be proven: a budget of nothing, no samples."""
    if not 0 <= bad <= total:
        raise ValueError(f"{bad} bad of {total} samples")
    if not 0.0 < budget < 1.0:
        return 0.0
    good = total - bad
    logs = [
        (bad * math.log(q) if bad else 0.0) + good * (math.log1p(-q * budget) - math.log1p(-budget))
        for q in _GUESSES
        if q > 0.0 or not bad
    ]
    top = max(logs)
    return top + math.log(math.fsum(math.exp(x - top) for x in logs) / len(_GUESSES))


def holds_early(bad: int, total: int, budget: float) -> bool:
    """Whether it is certain enough by now that the bad fraction is within the budget."""
    return budget >= 1.0 or log_e(bad, total, budget) >= -math.log(ALPHA)


def samples_early(budget: float, failures: int = 0) -> int:
    """The fewest samples that suffice for it in spite of so many bad ones: 5,000 at 0.001 with none.

    Raises: ValueError for a budget that no number of samples proves.
    """
    return fewest(lambda total: holds_early(failures, total, budget), failures, budget)
