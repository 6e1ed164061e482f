"""`pages.p99 no worse than before`: one percentile in one window against the window before the first fault.

Judged when the window is over, from every second of both windows (chaos.stats.bootstrap). *Deviated*: proven to be
longer than tolerated. *Held*: proven not to be. Else *inconclusive*, with how long the windows would have to be.

What counts is what counts for any latency objective (decision 3), with the percentile before as its threshold: every
good answer, every customer who gave up, and a failed answer only if it took longer than that.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from chaos.judge.counts import STRADDLE_S, within
from chaos.judge.generator import later_than
from chaos.judge.spans import Span
from chaos.model.counting import timed_us
from chaos.model.evidence import given_back
from chaos.model.objective import Condition
from chaos.model.plan import LAG_SHARE, LEAST_LAG_S
from chaos.model.verdict import Check, Compared, Outcome
from chaos.model.words import percent, seconds
from chaos.stats import bootstrap
from chaos.stats.histogram import per_second
from chaos.stats.quantile import percentile

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from chaos.model.journal import Journal
    from chaos.model.requests import Requests

# A window that would have to be more than so many times as long: the difference is what is allowed, give or take.
MOST_TIMES = 100.0


@dataclass(frozen=True, kw_only=True, slots=True)
class _Windows:
    """Intended starts and latencies in microseconds, of the window before the fault and of the one that is judged."""

    before: Span
    during: Span
    before_us: tuple[NDArray[np.int64], NDArray[np.int64]]
    during_us: tuple[NDArray[np.int64], NDArray[np.int64]]

    @property
    def samples(self) -> int:
        return len(self.during_us[1])


def compare(
    condition: Condition, journal: Journal, span: Span, before: Span | None, *, flaws: tuple[str, ...] = ()
) -> Check:
    """Judge one. `flaws` say why it cannot be held here. Never raises: a check that breaks is inconclusive."""
    try:
        return _compare(condition, journal, span, before, tuple(f for f in flaws if f))
    except Exception as cause:
        return _unknown(condition, span, f"could not be judged: {type(cause).__name__}: {cause}")


def _compare(condition: Condition, journal: Journal, span: Span, before: Span | None, flaws: tuple[str, ...]) -> Check:
    if before is None or not before.began:
        return _unknown(condition, span, "there is nothing before the fault to compare with")
    windows = _windows(condition, journal.requests, before, span)
    # Only what is over is compared: whoever may look at any moment finds a difference sooner or later.
    cut = "; ".join(f"'{each.window.name}' is not whole: {each.flaw}" for each in (before, span) if each.flaw)
    try:
        found = _compared(condition, journal, windows)
    except bootstrap.TooLittle as missing:
        said = str(missing).replace("'during'", f"'{span.window.name}'")
        return _unknown(condition, span, "; ".join(part for part in (cut, *flaws, said) if part), windows.samples)
    late = _late(condition, journal, windows, found)
    flaws = tuple(flaw for flaw in (cut, *flaws, late) if flaw)
    if (
        _worse(found)
        and not cut
        and (not late or _worse(_compared(condition, journal, _fair(condition, journal, windows))))
    ):
        return _check(condition, windows, found, Outcome.DEVIATED, f"{slower(found.low)} at least", None)
    outcome, why, times = _not_worse(found)
    if flaws:
        outcome, why = Outcome.INCONCLUSIVE, why.removeprefix("held; ")
    return _check(condition, windows, found, outcome, "; ".join((*flaws, why)), times)


def _fair(condition: Condition, journal: Journal, windows: _Windows) -> _Windows:
    """The same with the generator's own delay taken off: being late makes requests look slow."""
    fair = given_back(journal.requests, float(journal.plan.patience))
    return _windows(condition, fair, windows.before, windows.during)


def _windows(condition: Condition, requests: Requests, before: Span, span: Span) -> _Windows:
    assert condition.percentile is not None
    good = _timed(condition, requests, before)[1]
    if len(good):
        usual_us = percentile(good, condition.percentile / 100).value
        condition = msgspec.structs.replace(condition, threshold=usual_us / 1e6)
    return _Windows(
        before=before, during=span,
        before_us=_timed(condition, requests, before), during_us=_timed(condition, requests, span),
    )  # fmt: skip


def _timed(condition: Condition, requests: Requests, span: Span) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """What counts in a span. As in counts.py, what a fault cut short belongs to nobody."""
    if not span.began:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    start_us, latency_us = timed_us(condition, within(requests, span.start_s, span.end_s))
    if span.next_fault_s is not None and span.window.phase != "during":
        fault_us = round(span.next_fault_s * 1e6)
        chosen = (start_us < fault_us - round(STRADDLE_S * 1e6)) | (start_us + latency_us <= fault_us)
        start_us, latency_us = start_us[chosen], latency_us[chosen]
    return start_us, latency_us


def _compared(condition: Condition, journal: Journal, windows: _Windows) -> Compared:
    """Raises: TooLittle."""
    assert condition.percentile is not None
    assert condition.tolerance is not None
    alpha = journal.plan.alpha / max(1, journal.plan.tests)
    found = bootstrap.compare(
        _each_second(windows.before_us, windows.before), _each_second(windows.during_us, windows.during),
        condition.percentile / 100, seed=_seed(journal, windows.during, condition), tolerance=condition.tolerance,
        alpha=alpha,
    )  # fmt: skip
    return Compared(
        before_s=found.before / 1e6, during_s=found.during / 1e6, ratio=found.ratio, low=found.low, high=found.high,
        allowed=found.allowed, standard_error=found.standard_error, freedom=found.freedom, alpha=alpha,
        blocks_before=found.blocks_before, blocks_during=found.blocks_during, block_s=bootstrap.BLOCK_S,
        resamples=found.resamples, seed=found.seed,
    )  # fmt: skip


def _each_second(timed: tuple[NDArray[np.int64], NDArray[np.int64]], span: Span) -> NDArray[np.int64]:
    """A histogram for each second of the span; what is left of a last one that is no whole second goes with it."""
    count = max(1, round(span.length_s))
    start_us, latency_us = timed
    second = np.minimum((start_us - round(span.start_s * 1e6)) // 1_000_000, count - 1)
    return per_second(second, latency_us, count)


def _seed(journal: Journal, span: Span, condition: Condition) -> int:
    """The same for the same run, window and sentence, so that a judgement can be repeated bit for bit."""
    text = f"{journal.plan.seed} {span.window.index} {condition.text}"
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big")


def _late(condition: Condition, journal: Journal, windows: _Windows, found: Compared) -> str:
    """Why the generator was too late for this difference. What counts is how much longer its delay made that very
    percentile, in either window, against the limit of an objective with the longest one that is allowed."""
    assert condition.percentile is not None
    limit_s = max(LEAST_LAG_S, LAG_SHARE * found.allowed * found.before_s)
    if not any(later_than(limit_s, journal, span) for span in (windows.before, windows.during)):
        return ""
    fair = _fair(condition, journal, windows)
    for span, as_it_was, given in (
        (windows.before, windows.before_us[1], fair.before_us[1]),
        (windows.during, windows.during_us[1], fair.during_us[1]),
    ):
        ends = [percentile(latency_us, condition.percentile / 100).value / 1e6 for latency_us in (as_it_was, given)]
        if ends[0] - ends[1] > limit_s:
            return (
                f"the generator was late in '{span.window.name}': that made the p{condition.percentile:g} "
                f"{seconds(ends[0] - ends[1])} longer, allowed {seconds(limit_s)}"
            )
    return ""


def _worse(found: Compared) -> bool:
    return found.low > found.allowed


def _not_worse(found: Compared) -> tuple[Outcome, str, float | None]:
    """Held or not decided, why, and how many times as long both windows would have to be, where that would tell."""
    if found.high <= found.allowed:
        return Outcome.HELD, f"held; {slower(found.high)} at most", None
    # The bound that is nearer to deciding shrinks with the root of the length.
    d, limit = math.log(found.ratio), math.log(found.allowed)
    reach = math.log(found.high) - d if d < limit else d - math.log(found.low)
    times = (reach / abs(limit - d)) ** 2 if d != limit else math.inf
    between = f"anything from {slower(found.low)} to {slower(found.high)}"
    if times > MOST_TIMES:
        return Outcome.INCONCLUSIVE, f"{between}; too near to what is allowed to be told from it", None
    return Outcome.INCONCLUSIVE, f"{between}; both windows {times:.1f} times as long would probably tell", times


def slower(ratio: float) -> str:
    """`33.1 % slower`, `5 % faster`, `2.4 times as long`."""
    if ratio >= 2:
        return f"{ratio:.3g} times as long"
    return f"{percent(abs(ratio - 1))} {'slower' if ratio >= 1 else 'faster'}"


def _check(
    condition: Condition, windows: _Windows, found: Compared, outcome: Outcome, why: str, times: float | None
) -> Check:
    assert condition.percentile is not None
    latency_us = windows.during_us[1]
    value = percentile(latency_us, condition.percentile / 100)
    low_s, high_s = (None if end is None else end / 1e6 for end in (value.low, value.high))
    assert condition.tolerance is not None
    more = found.allowed > 1 + condition.tolerance
    allowed = f"{seconds(bootstrap.LEAST_DIFFERENCE / 1e6)} more" if more else f"{percent(condition.tolerance)} slower"
    figures = (
        f"p{condition.percentile:.12g} {seconds(found.during_s)}, {seconds(found.before_s)} before: "
        f"{slower(found.ratio)}; {allowed} is allowed"
    )
    more_s = None if times is None else max(0.0, times - 1) * windows.during.length_s
    return Check(
        condition=condition.text, window=windows.during.window.name, phase=windows.during.window.phase, outcome=outcome,
        bad=int((latency_us > found.allowed * found.before_s * 1e6).sum()), total=windows.samples,
        budget=condition.budget, value=value.value / 1e6, low=low_s, high=high_s, unit="s",
        decided_at_s=windows.during.end_s if outcome is Outcome.DEVIATED else None,
        more_needed=None if times is None else math.ceil(max(0.0, times - 1) * windows.samples), more_needed_s=more_s,
        compared=found, text="; ".join(part for part in (figures, why) if part),
    )  # fmt: skip


def _unknown(condition: Condition, span: Span, why: str, total: int = 0) -> Check:
    return Check(
        condition=condition.text, window=span.window.name, phase=span.window.phase, outcome=Outcome.INCONCLUSIVE,
        bad=0, total=total, budget=condition.budget, text=why,
    )  # fmt: skip
