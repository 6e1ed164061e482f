"""How long the sequential test takes until it says `deviated`, before there is any run to see it in.

    t = ln(J e) / max_j g_j        g_j = E ln(1 + lambda_j (X - b))        X = Bin(n, x) / n

    t         bins until E_t reaches e, typically
    e         what E_t must reach, m / alpha
    x         the bad fraction that there is; b, the one that is allowed; n, samples in a bin
    J, lambda_j   the stakes of `sequential`: the best of them carries the mixture, with a J-th of the capital

It is Wald's equation without the overshoot. By simulation (tests/stats/test_power.py), at 5 to 250 samples a bin and
0.1 to 5 % allowed, the median is within a third of it or one bin, mostly below; one run in twenty takes up to three
times as long.

Source: Wald, Sequential Analysis, 1947.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from chaos.stats.sequential import BIN_S, STAKES, stakes

# Growth per bin below which nobody waits.
_LEAST_GROWTH = 1e-9
# What is less likely than this adds nothing.
_LEAST_CHANCE = 1e-12


def seconds_until(budget: float, bad_ratio: float, per_second: float, e_needed: float) -> float | None:
    """Seconds of a window until so large a bad fraction has typically deviated; None when it never does, because it is
    within the budget, or nothing comes. A bin is looked at when it is over."""
    if not (0.0 < budget < bad_ratio <= 1.0 and per_second > 0.0):
        return None
    # Arrivals are random: bins without samples are skipped, the others have a few more.
    filled = -math.expm1(-per_second * BIN_S)
    samples = max(1, round(per_second * BIN_S / filled))
    growth = max(_growth(stake, budget, bad_ratio, samples) for stake in stakes(budget))
    if growth < _LEAST_GROWTH:
        return None
    bins = math.ceil(math.log(STAKES * e_needed) / growth - 1e-9)
    return bins * BIN_S / filled


def _growth(stake: float, budget: float, bad_ratio: float, samples: int) -> float:
    chances = _chances(samples, bad_ratio)
    return math.fsum(p * math.log1p(stake * (k / samples - budget)) for k, p in chances)


def _chances(n: int, p: float) -> Iterator[tuple[int, float]]:
    """The binomial's, those that matter."""
    if p >= 1.0:
        yield n, 1.0
        return
    spread = 8.0 * math.sqrt(n * p * (1.0 - p)) + 8.0
    for k in range(max(0, math.floor(n * p - spread)), min(n, math.ceil(n * p + spread)) + 1):
        log_ways = math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)
        log_p = log_ways + k * math.log(p) + (n - k) * math.log1p(-p)
        if log_p > math.log(_LEAST_CHANCE):
            yield k, math.exp(log_p)
