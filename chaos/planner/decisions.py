"""Can a window decide a condition at all? The samples that will come there, against those that it takes."""

from __future__ import annotations

import math
from dataclasses import dataclass

from chaos.model.objective import Condition
from chaos.model.plan import Decision, Measured, Window
from chaos.model.sli import Shape, Source
from chaos.model.target import Journey, Traffic
from chaos.units import Duration, Rate

# DESIGN: *before* is steady when the point estimates meet the objectives on at least 100 samples. Gauges: the judge
# asks for five readings.
BEFORE_SAMPLES = 100
BEFORE_READINGS = 5

# A comparison with before takes three blocks of 10 s and ten samples beyond the percentile in each window
# (chaos.stats.bootstrap, which is not imported here: it takes numpy, and a plan is to be quick).
COMPARED_S = 30
BEYOND = 10

# Gauges are read about so often.
READINGS_PER_S = 1.0

# The number of customers that come is random. A window is enough when this quantile of it is: 95 % of the time.
# 1.645 is the standard normal's 95th percentile.
Z = 1.645

# A week: nobody measures one window for longer.
_LONGEST_S = 7 * 86400

_PER_CUSTOMER = frozenset({Shape.TRANSACTIONS, Shape.CUSTOMERS})
_UNKNOWN = frozenset({Shape.COUNTER_RATIO, Shape.HISTOGRAM})


@dataclass(frozen=True, kw_only=True, slots=True)
class Expected:
    """How many samples a window will have: the mean, and how few of them there may well be (the 5th percentile)."""

    mean: float
    few: float


def decide(
    condition: Condition, window: Window, traffic: Traffic | None, rate: Rate, *, baseline: Window | None = None,
    source: Measured | None = None,
) -> Decision | None:  # fmt: skip
    """None for counts that only the target knows: how many queries a request makes is not in any file.

    `baseline` is the window that a comparison with before is made with; the shorter of the two decides. `source` is
    what was found out about where the condition's samples come from.
    """
    if condition.shape in _UNKNOWN and _rate(source, rate) is None and _scrapes(source, float(window.length)) != 0:
        return None
    if traffic is not None and traffic.engine and condition.source is Source.LOAD and condition.steps:
        return None  # what part of another engine's requests a step is, its own file says
    from chaos.stats.binomial import spare_failures

    compared = condition.tolerance is not None
    length_s = min(float(window.length), float(baseline.length)) if compared and baseline else float(window.length)
    samples = expected(condition, length_s, traffic, rate, source)
    needed = _needed(condition, window)
    if compared:
        spare = -1  # no sample is bad by itself
    elif window.phase == "before":
        # Steady is a point estimate: so many bad ones are still within the budget.
        spare = math.floor(samples.mean * condition.budget + 1e-9) if samples.few >= needed else -1
    else:
        spare = spare_failures(math.floor(samples.few), condition.budget, confidence_of(window))
    return Decision(
        window=window.name,
        condition=condition.text,
        expected=round(samples.mean, 3),
        needed=needed,
        spare_failures=spare,
        enough=samples.few >= needed and (not compared or length_s >= COMPARED_S),
    )


def long_enough(
    condition: Condition, window: Window, traffic: Traffic | None, rate: Rate, source: Measured | None = None
) -> Duration | None:
    """The shortest whole number of seconds in which that window can decide; None when no length will do."""
    if condition.shape in _UNKNOWN and _rate(source, rate) is None:
        # Who knows how many there will be; but one scrape must follow another in it.
        return None if source is None or source.interval is None else Duration(math.ceil(2 * source.interval))
    needed = _needed(condition, window)
    least = COMPARED_S if condition.tolerance is not None else 1
    low, high = least - 1, least
    while expected(condition, high, traffic, rate, source).few < needed:
        low, high = high, high * 2
        if high > _LONGEST_S:
            return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (
            (low, middle) if expected(condition, middle, traffic, rate, source).few >= needed else (middle, high)
        )
    return Duration(high)


def _needed(condition: Condition, window: Window) -> int:
    if window.phase == "before":
        return BEFORE_READINGS if condition.shape is Shape.GAUGE else BEFORE_SAMPLES
    from chaos.stats.binomial import samples_needed

    if condition.tolerance is not None:
        return math.ceil(round(BEYOND / condition.budget, 6))
    return samples_needed(condition.budget, confidence=confidence_of(window))


def confidence_of(window: Window) -> float:
    """Of *held* at a window's length: a little more where it may end before, so that both ways err in 5 % together."""
    from chaos.stats import binomial, early

    return binomial.CONFIDENCE if window.least is None else early.END_CONFIDENCE


def expected(
    condition: Condition, length_s: float, traffic: Traffic | None, rate: Rate, source: Measured | None = None
) -> Expected:
    """Samples of a condition in so many seconds at so many journeys a second. A surge's extra customers are not
    counted on: the fault that brings them may be what keeps them from being served."""
    scrapes = _scrapes(source, length_s)
    if condition.shape is Shape.GAUGE:
        readings = math.floor(length_s * READINGS_PER_S) if scrapes is None else scrapes
        return Expected(mean=readings, few=readings)
    if condition.shape in _UNKNOWN:
        # What lies before the first and after the last scrape of a window is not counted: on average one interval.
        interval_s = 0.0 if source is None or source.interval is None else float(source.interval)
        mean = (_rate(source, rate) or 0.0) * (0.0 if scrapes == 0 else max(0.0, length_s - interval_s))
        return Expected(mean=mean, few=max(0.0, mean - Z * math.sqrt(mean)))
    if traffic is None:
        return Expected(mean=0.0, few=0.0)
    if traffic.engine:
        mean = float(rate) * length_s
        return Expected(mean=mean, few=max(0.0, mean - Z * math.sqrt(mean)))
    total = sum(journey.weight for journey in traffic.journeys)
    mean = square = 0.0
    for journey in traffic.journeys:
        share = journey.weight / total if total else 0.0
        samples = _samples(condition, journey)
        # A customer counts once the journey is over; those still under way at the window's end do not.
        seconds = length_s - (_duration_s(journey, traffic) if condition.shape in _PER_CUSTOMER else 0.0)
        arrivals = float(rate) * max(0.0, seconds) * share
        mean += arrivals * samples
        square += arrivals * samples**2
    # Compound Poisson, arrivals that make several samples each: the variance is the arrivals times the mean square.
    # Constant arrivals vary by which journey comes only, which is less.
    return Expected(mean=mean, few=max(0.0, mean - Z * math.sqrt(square)))


def _rate(source: Measured | None, rate: Rate) -> float | None:
    """Things a second that others make. Where the run brings its own traffic, what comes now says nothing."""
    return None if source is None or rate > 0 else source.per_s


def _scrapes(source: Measured | None, length_s: float) -> int | None:
    """From one to the next, wholly inside so long a window, wherever it begins; None: they are not somebody else's."""
    if source is None or source.interval is None:
        return None
    return max(0, math.floor(length_s / float(source.interval)) - 1)


def _samples(condition: Condition, journey: Journey) -> int:
    """How many samples one customer on this journey makes."""
    if condition.shape is Shape.TRANSACTIONS:
        return int(journey.transaction)
    count = sum(1 for step in journey.steps if not condition.steps or step in condition.steps)
    return min(1, count) if condition.shape is Shape.CUSTOMERS else count


def _duration_s(journey: Journey, traffic: Traffic) -> float:
    return float(traffic.think) * (len(journey.steps) - 1)
