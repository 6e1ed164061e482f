"""What one run without a fault showed, and the noise of one objective in all of them."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from chaos.judge.counts import count
from chaos.judge.spans import spans
from chaos.judge.words import allowed
from chaos.model.calibration import SliNoise
from chaos.model.journal import Journal
from chaos.model.objective import Condition
from chaos.model.requests import Failure
from chaos.model.sli import Shape
from chaos.model.verdict import Outcome, Verdict
from chaos.stats.binomial import interval
from chaos.stats.bootstrap import LEAST_BLOCKS
from chaos.stats.histogram import per_second
from chaos.stats.quantile import percentile

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Whole = NDArray[np.int64]
    Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class RunNoise:
    """One run. Of each condition, in the plan's order: bad and total by quarter of a second, latencies, seconds."""

    run: str
    outcome: Outcome
    alarms: tuple[str, ...]
    unsteady: bool
    late: bool
    requests: int
    lags_us: Whole
    bins: tuple[tuple[Whole, Whole], ...]
    latencies_us: tuple[Whole | None, ...]
    per_second: tuple[NDArray[Any] | None, ...]
    watched_s: float
    log_means: Floats  # the mean log-latency of each second with answers, in order


def of_run(journal: Journal, verdict: Verdict) -> RunNoise:
    """Everything that is needed of it later; the journal itself can be let go."""
    journal = dataclasses.replace(journal, requests=journal.requests.by_start())
    windows = spans(journal)
    conditions = journal.plan.windows[0].conditions
    counts = [[count(c, journal, dataclasses.replace(span, next_fault_s=None)) for span in windows] for c in conditions]
    began_s = min((span.start_s for span in windows if span.began), default=0.0)
    ended_s = max((span.end_s for span in windows if span.began), default=0.0)
    return RunNoise(
        run=journal.run.id,
        outcome=verdict.outcome,
        alarms=tuple(f"{c.window}: {c.condition}" for c in verdict.checks if c.outcome is Outcome.DEVIATED),
        # Too few to call it steady is the windows' length, and said of each objective.
        unsteady=any(c.phase == "before" and c.bad > allowed(c.budget, c.total) for c in verdict.checks),
        late=any("the generator" in reason for reason in verdict.reasons),
        requests=len(journal.requests),
        lags_us=journal.requests.lag_us,
        bins=tuple(
            (np.array([b.bad for c in each for b in c.bins]), np.array([b.total for c in each for b in c.bins]))
            for each in counts
        ),
        latencies_us=tuple(_latencies([c.latencies_us for c in each]) for each in counts),
        per_second=tuple(_seconds(journal, c, began_s, ended_s) for c in conditions),
        watched_s=sum(span.length_s for span in windows if span.began),
        log_means=_log_means(journal, began_s, ended_s),
    )


def of_condition(condition: Condition, index: int, runs: Sequence[RunNoise]) -> SliNoise:
    """The noise of one objective; what it means for detecting is `power`'s."""
    bad = np.concatenate([run.bins[index][0] for run in runs]) if runs else np.zeros(0, np.int64)
    total = np.concatenate([run.bins[index][1] for run in runs]) if runs else np.zeros(0, np.int64)
    k, n = int(bad.sum()), int(total.sum())
    low, high = interval(k, n) if n else (None, None)
    latencies = _latencies([run.latencies_us[index] for run in runs])
    value = None
    if condition.shape is Shape.LATENCY and condition.percentile is not None and latencies is not None:
        value = percentile(latencies, condition.percentile / 100).value / 1e6
    watched_s = sum(run.watched_s for run in runs)
    return SliNoise(
        condition=condition.text, budget=condition.budget, bad=k, total=n, per_s=n / watched_s if watched_s else 0.0,
        low=low, high=high, dispersion=dispersion(bad, total), value=value,
    )  # fmt: skip


def dispersion(bad: Whole, total: Whole) -> float | None:
    """Pearson's chi-square over its degrees of freedom: 1 where failures are independent. None where none failed."""
    k, n = int(bad.sum()), int(total.sum())
    if len(bad) < 2 or not 0 < k < n:
        return None
    ratio = k / n
    expected = ratio * total
    return float(((bad - expected) ** 2 / (expected * (1 - ratio))).sum() / (len(bad) - 1))


def autocorrelation(series: Sequence[Floats]) -> float | None:
    """Lag 1, over several series around their common mean. None with fewer than ten neighbours, or no variance."""
    pairs = sum(max(0, len(one) - 1) for one in series)
    if pairs < 10:
        return None
    mean = float(np.concatenate(series).mean())
    variance = float(np.mean(np.concatenate([(one - mean) ** 2 for one in series])))
    if variance <= 0:
        return None
    products = np.concatenate([(one[:-1] - mean) * (one[1:] - mean) for one in series])
    return float(np.clip(products.mean() / variance, -1.0, 1.0))


def seconds_together(index: int, runs: Sequence[RunNoise]) -> NDArray[Any] | None:
    """The histograms of every second of every run; None where there are too few for blocks."""
    parts = [run.per_second[index] for run in runs]
    known = [part for part in parts if part is not None]
    joined = np.concatenate(known) if known else np.zeros((0, 0))
    return joined if len(joined) >= 2 * LEAST_BLOCKS * 10 else None


def _latencies(parts: Sequence[Whole | None]) -> Whole | None:
    known = [part for part in parts if part is not None and len(part)]
    return np.concatenate(known) if known else None


def _seconds(journal: Journal, condition: Condition, began_s: float, ended_s: float) -> NDArray[Any] | None:
    if condition.shape is not Shape.LATENCY:
        return None
    rows = journal.requests
    wanted = [i for i, name in enumerate(rows.steps) if not condition.steps or name in condition.steps]
    answered = np.isin(rows.step, wanted) & (rows.failure == Failure.NONE)
    second = ((rows.start_us - round(began_s * 1e6)) // 1_000_000).astype(np.int64)
    length = int(ended_s - began_s)
    chosen = answered & (second >= 0) & (second < length)
    return per_second(second[chosen], rows.latency_us[chosen], length) if length > 0 else None


def _log_means(journal: Journal, began_s: float, ended_s: float) -> Floats:
    rows = journal.requests
    second = ((rows.start_us - round(began_s * 1e6)) // 1_000_000).astype(np.int64)
    chosen = (rows.failure == Failure.NONE) & (second >= 0) & (second < int(ended_s - began_s))
    if not chosen.any():
        return np.zeros(0)
    sums = np.bincount(second[chosen], np.log(np.maximum(1, rows.latency_us[chosen])))
    numbers = np.bincount(second[chosen])
    return np.asarray(sums[numbers > 0] / numbers[numbers > 0])
