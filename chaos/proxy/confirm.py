"""Did a fault on a link bite? Measured by connections of our own through the proxy, before and during, never assumed.

    before = measure("latency", where, attributes)                 # in `prepare`
    during = measure("latency", where, attributes)                 # in `confirm`
    judge("latency", attributes, before, during).result            # "bit", "did not bite" or "not confirmable"

What is measured, and when a connection counts as bitten:

    latency      the round trip                    longer by 0.8 of the least delay, or of half of it if more
    bandwidth    an exchange of half a second's    at least 0.7 of bytes / rate; with a rate of 0 no answer at all
                 worth of bytes
    timeout      the round trip                    no answer: silence, or a close
    down         the connect                       refused
    reset        the round trip                    a TCP reset
    slow-close   our half-close to its close       later by 0.8 of the delay
    slicer       an exchange of many slices        longer by half of slices x delay; or, without a delay that could be
                                                   seen, at least three times the reads (downstream only)
    limit-data   an exchange of more than that     closed before the end, with no more than that received

`tcp` has no request, so only `down` and `slow-close` can be confirmed on it. A baseline that looks bitten already, or
got no answers, confirms nothing. How much later something came has an interval (chaos.stats.shift).
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from chaos.proxy.measure import Sample
from chaos.proxy.values import Stream
from chaos.stats.shift import shift

Result = Literal["bit", "did not bite", "not confirmable"]

# A fault on every link must be felt by this ratio of our connections; the rest is for a busy machine.
MOST_RATIO = 0.8

# A slowdown smaller than this drowns in the noise of a busy machine.
LEAST_SHIFT_S = 0.0008
LEAST_TRANSFER_S = 0.01


@dataclass(frozen=True, kw_only=True, slots=True)
class Confirmation:
    """What the measurement says. `before` and `during` are medians in `unit`, None where there was no answer.

    `shift` is how much later it came, in ms, with the ends of its 95 % interval, where times were measured.
    """

    result: Result
    before: float | None
    during: float | None
    unit: str
    bitten: int
    total: int
    says: str
    shift: float | None = None
    low: float | None = None
    high: float | None = None

    def later(self) -> str:
        """`+298 ms [291, 306]`; empty where no times were measured."""
        if self.shift is None:
            return ""
        digits = 0 if self.shift >= 100 else 1
        ends = "" if self.low is None or self.high is None else f" [{self.low:.{digits}f}, {self.high:.{digits}f}]"
        return f"{self.shift:+.{digits}f} ms{ends}"


def judge(
    kind: str,
    attributes: Mapping[str, int],
    before: tuple[Sample, ...],
    during: tuple[Sample, ...],
    *,
    stream: Stream = "downstream",
    toxicity: float = 1.0,
) -> Confirmation:
    """Compare two measurements. With a toxicity below 1 one bitten connection is enough, else most must be bitten.

    Raises: ValueError for an unknown kind.
    """
    make = _RULES.get(kind)
    if make is None:
        raise ValueError(f"unknown fault {kind!r}. Known: {', '.join(_RULES)}.")
    rule = make(attributes, before, stream)
    bitten = sum(map(rule.bites, during))
    already = sum(map(rule.bites, before))
    wanted = math.ceil(MOST_RATIO * len(during)) if toxicity >= 1 else 1
    excuse = _unusable(kind, before) or rule.excuse
    # A busy machine has hiccups as long as a short delay: as many as a fault may miss are not held against it.
    if already > (len(before) - math.ceil(MOST_RATIO * len(before)) if toxicity >= 1 else 0) and not excuse:
        excuse = f"{already} of {len(before)} connections looked like that before the fault was there"
    result: Result = "not confirmable" if excuse else "bit" if during and bitten >= wanted else "did not bite"
    later = _later(before, during) if rule.unit == "ms" else (None, None, None)
    return Confirmation(
        result=result,
        before=_median(before, rule.unit, stream),
        during=_median(during, rule.unit, stream),
        unit=rule.unit,
        bitten=bitten,
        total=len(during),
        says=excuse or f"{bitten} of {len(during)} connections felt it, {wanted} or more expected",
        shift=later[0],
        low=later[1],
        high=later[2],
    )


def _later(
    before: tuple[Sample, ...], during: tuple[Sample, ...]
) -> tuple[float | None, float | None, float | None]:  # fmt: skip
    """How many milliseconds later, and the interval's ends; of those that were answered."""
    first, then = ([s.elapsed_s * 1000 for s in samples if s.outcome == "answered"] for samples in (before, during))
    return shift(first, then) if first and then else (None, None, None)


def _unusable(kind: str, before: tuple[Sample, ...]) -> str:
    """Why a baseline says nothing; empty when it does."""
    if not before:
        return "there is no measurement from before the fault"
    bad = [sample.outcome for sample in before if sample.outcome != "answered"]
    # A limit that is met ends the exchange; what the baseline needs is enough bytes, and its rule looks at those.
    if bad:
        return f"{len(bad)} of {len(before)} connections got no answer before the fault: {bad[0]}"
    if kind not in ("down", "slow-close") and not any(sample.sent_bytes for sample in before):
        return f"no request is known for the protocol tcp, and without one {kind} cannot be seen"
    return ""


def _median(samples: tuple[Sample, ...], unit: str, stream: Stream) -> float | None:
    values = [_value(sample, unit, stream) for sample in samples]
    seen = [value for value in values if value is not None]
    return statistics.median(seen) if seen else None


def _value(sample: Sample, unit: str, stream: Stream) -> float | None:
    carried = sample.sent_bytes if stream == "upstream" else sample.received_bytes
    if unit == "bytes":
        return float(carried)
    if sample.outcome != "answered":
        return None
    if unit == "KB/s":
        return carried / max(sample.elapsed_s, 1e-9) / 1000
    return sample.elapsed_s * 1000


def _typical_s(before: tuple[Sample, ...]) -> float:
    return statistics.median(sample.elapsed_s for sample in before) if before else 0.0


# What counts as bitten.


@dataclass(frozen=True, kw_only=True, slots=True)
class Rule:
    """A test for one connection, the unit to show, and why it could not tell, or nothing."""

    bites: Callable[[Sample], bool]
    unit: str = "ms"
    excuse: str = ""


def _latency(attributes: Mapping[str, int], before: tuple[Sample, ...], stream: Stream) -> Rule:
    latency_s, jitter_s = attributes.get("latency", 0) / 1000, attributes.get("jitter", 0) / 1000
    shift_s = 0.8 * max(latency_s - jitter_s, latency_s / 2)
    floor_s = _typical_s(before) + shift_s
    small = shift_s < LEAST_SHIFT_S
    return Rule(
        bites=lambda sample: sample.outcome == "answered" and sample.elapsed_s >= floor_s,
        excuse=f"{latency_s * 1000:g} ms ± {jitter_s * 1000:g} ms cannot be told from noise" if small else "",
    )


def _bandwidth(attributes: Mapping[str, int], before: tuple[Sample, ...], stream: Stream) -> Rule:
    bytes_per_s = attributes.get("rate", 0) * 1000
    if bytes_per_s == 0:
        return Rule(bites=lambda sample: sample.outcome == "timeout")

    def carried(sample: Sample) -> int:
        return sample.sent_bytes if stream == "upstream" else sample.received_bytes

    def bites(sample: Sample) -> bool:
        return sample.outcome == "answered" and sample.elapsed_s >= 0.7 * carried(sample) / bytes_per_s

    few = any(carried(sample) / bytes_per_s < LEAST_TRANSFER_S for sample in before)
    return Rule(
        bites=bites,
        unit="KB/s",
        excuse=f"too few bytes to see {bytes_per_s / 1000:g} KB/s could be exchanged" if few else "",
    )


def _timeout(attributes: Mapping[str, int], before: tuple[Sample, ...], stream: Stream) -> Rule:
    # Closed, not reset: that would be another fault. A close with unread bytes is a reset, though.
    closes = attributes.get("timeout", 0) > 0
    return Rule(bites=lambda sample: sample.outcome == "timeout" or (closes and sample.outcome in ("closed", "reset")))


def _down(attributes: Mapping[str, int], before: tuple[Sample, ...], stream: Stream) -> Rule:
    return Rule(bites=lambda sample: sample.outcome == "refused")


def _reset(attributes: Mapping[str, int], before: tuple[Sample, ...], stream: Stream) -> Rule:
    return Rule(bites=lambda sample: sample.outcome == "reset")


def _slow_close(attributes: Mapping[str, int], before: tuple[Sample, ...], stream: Stream) -> Rule:
    delay_s = attributes.get("delay", 0) / 1000
    floor_s = _typical_s(before) + 0.8 * delay_s
    small = 0.8 * delay_s < LEAST_SHIFT_S
    return Rule(
        bites=lambda sample: sample.outcome == "timeout" or sample.elapsed_s >= floor_s,
        excuse=f"a close {delay_s * 1000:g} ms late cannot be told from noise" if small else "",
    )


def _slicer(attributes: Mapping[str, int], before: tuple[Sample, ...], stream: Stream) -> Rule:
    average = max(1, attributes.get("average_size", 1))
    delay_s = attributes.get("delay", 0) / 1_000_000

    def slices(sample: Sample) -> float:
        return (sample.sent_bytes if stream == "upstream" else sample.received_bytes) / average

    typical_s = _typical_s(before)
    if all(slices(sample) * delay_s >= LEAST_TRANSFER_S for sample in before):
        return Rule(
            bites=lambda sample: (
                sample.outcome == "answered" and sample.elapsed_s >= typical_s + 0.5 * slices(sample) * delay_s
            )
        )
    # What arrives at once is read at once, so fewer reads than slices say nothing, and many more than before do.
    usual_reads = statistics.median(sample.reads for sample in before) if before else 0
    few = any(slices(sample) < 4 * usual_reads for sample in before)
    excuse = "slices upstream without a delay leave no trace here" if stream == "upstream" else ""
    return Rule(
        bites=lambda sample: sample.outcome == "answered" and sample.reads >= 3 * usual_reads,
        excuse=excuse or ("too few bytes could be exchanged to see slices" if few else ""),
    )


def _limit_data(attributes: Mapping[str, int], before: tuple[Sample, ...], stream: Stream) -> Rule:
    limit = attributes.get("bytes", 0)

    def carried(sample: Sample) -> int:
        return sample.sent_bytes if stream == "upstream" else sample.received_bytes

    def bites(sample: Sample) -> bool:
        cut = sample.outcome in ("closed", "reset")
        return cut and (stream == "upstream" or sample.received_bytes <= limit)

    few = any(carried(sample) <= limit for sample in before)
    return Rule(
        bites=bites,
        unit="bytes",
        excuse=f"no more than {limit} bytes could be exchanged in one connection" if few else "",
    )


_RULES: dict[str, Callable[[Mapping[str, int], tuple[Sample, ...], Stream], Rule]] = {
    "latency": _latency,
    "bandwidth": _bandwidth,
    "timeout": _timeout,
    "down": _down,
    "reset": _reset,
    "slow-close": _slow_close,
    "slicer": _slicer,
    "limit-data": _limit_data,
}
