"""Measure a link for a kind of fault: connections of our own through its proxy, each with what it saw.

latency      the round trip                     bandwidth    an exchange of half a second's worth of bytes
timeout      the round trip, for one second     slicer       an exchange of many slices
reset        the round trip                     limit-data   an exchange of more than the limit
down         the connect                        slow-close   our half-close to its close
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from chaos.proxy.dialects import POSTGRES_MOST_BYTES
from chaos.proxy.probe import DEFAULT_PATH, Exchange, Outcome, ProbeError, close_s, exchange
from chaos.proxy.values import Stream

# How sure we want to be that a fault which spares some links is met by one of our connections.
MISS_RATIO = 0.001
MOST_CONNECTIONS = 60
USUAL_CONNECTIONS = 5
AT_ONCE = 8
# Other round trips at the same time cost one some milliseconds on a busy machine: nothing to a delay from here on.
ALONE_MS = 50

# How long silence must last to be called that: far above any round trip on one machine.
SILENCE_S = 1.0
MOST_EXCHANGE_BYTES = 4 * 1024 * 1024
BANDWIDTH_SECONDS = 0.5
SLICER_SECONDS = 0.2


@dataclass(frozen=True, kw_only=True, slots=True)
class Where:
    """A link's proxy as a client of ours reaches it. `path` is for http, `stream` the direction that a toxic is in."""

    address: str
    protocol: str
    path: str = DEFAULT_PATH
    stream: Stream = "downstream"
    timeout_s: float = 10.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Sample:
    """What one connection saw. Plain numbers, so that an undo record can hold it."""

    outcome: Outcome
    elapsed_s: float
    sent_bytes: int = 0
    received_bytes: int = 0
    reads: int = 0


def connections_for(toxicity: float) -> int:
    """How many connections to measure with: ln(miss) / ln(1 - toxicity), so that one of them meets the fault.

    `miss` is MISS_RATIO, the chance that none of them does.
    """
    if toxicity >= 1:
        return USUAL_CONNECTIONS
    if toxicity <= 0:
        return MOST_CONNECTIONS
    return max(USUAL_CONNECTIONS, min(MOST_CONNECTIONS, math.ceil(math.log(MISS_RATIO) / math.log(1 - toxicity))))


def measure(
    kind: str, where: Where, attributes: Mapping[str, int], *, connections: int = USUAL_CONNECTIONS
) -> tuple[Sample, ...]:
    """Measure a link for a kind of fault, with so many connections of our own. `attributes` are the toxic's.

    Raises: ValueError for an unknown kind.
    """
    probe = _PROBES.get(kind)
    if probe is None:
        raise ValueError(f"unknown fault {kind!r}. Known: {', '.join(_PROBES)}.")
    # Timing wants to be alone; what waits for nothing to happen can do so together.
    alone = connections <= USUAL_CONNECTIONS or (kind == "latency" and attributes.get("latency", 0) < ALONE_MS)
    at_once = 1 if kind in _ALONE and alone else AT_ONCE
    with ThreadPoolExecutor(max_workers=min(at_once, connections)) as pool:
        return tuple(pool.map(lambda _: probe(where, attributes), range(connections)))


Probe = Callable[[Where, Mapping[str, int]], Sample]


def _sample(seen: Exchange) -> Sample:
    return Sample(
        outcome=seen.outcome,
        elapsed_s=seen.elapsed_s,
        sent_bytes=seen.sent_bytes,
        received_bytes=seen.received_bytes,
        reads=seen.reads,
    )


def _exchange(where: Where, size_bytes: int, timeout_s: float) -> Sample:
    seen = exchange(
        where.address,
        where.protocol,
        size_bytes=size_bytes,
        stream=where.stream,
        timeout_s=timeout_s,
        path=where.path,
    )
    return _sample(seen)


def _round_trip(where: Where, attributes: Mapping[str, int]) -> Sample:
    # Far more than the delay itself: a fault that swallows everything is another fault.
    delay_s = (attributes.get("latency", 0) + attributes.get("jitter", 0)) / 1000
    return _exchange(where, 0, max(where.timeout_s, 4 * delay_s))


def _silence(where: Where, attributes: Mapping[str, int]) -> Sample:
    return _exchange(where, 0, SILENCE_S)


def _reset(where: Where, attributes: Mapping[str, int]) -> Sample:
    return _exchange(where, 0, where.timeout_s + attributes.get("timeout", 0) / 1000)


def _bulk(where: Where, attributes: Mapping[str, int]) -> Sample:
    bytes_per_s = attributes.get("rate", 0) * 1000
    if bytes_per_s == 0:
        return _silence(where, attributes)
    size_bytes = _clamp(where, int(bytes_per_s * BANDWIDTH_SECONDS))
    return _exchange(where, size_bytes, where.timeout_s + 4 * size_bytes / bytes_per_s)


def _slices(where: Where, attributes: Mapping[str, int]) -> Sample:
    average = max(1, attributes.get("average_size", 1))
    delay_s = attributes.get("delay", 0) / 1_000_000
    wanted = average * SLICER_SECONDS / delay_s if delay_s > 0 else 0
    size_bytes = _clamp(where, int(max(wanted, 16 * average)))
    return _exchange(where, size_bytes, where.timeout_s + 8 * size_bytes / average * delay_s)


def _over_limit(where: Where, attributes: Mapping[str, int]) -> Sample:
    return _exchange(where, _clamp(where, attributes.get("bytes", 0) + 4096), where.timeout_s)


def _close(where: Where, attributes: Mapping[str, int]) -> Sample:
    try:
        elapsed_s = close_s(where.address, timeout_s=where.timeout_s + attributes.get("delay", 0) / 1000)
    except ProbeError as error:
        return _sample(error.exchange)
    return Sample(outcome="answered", elapsed_s=elapsed_s)


def _clamp(where: Where, size_bytes: int) -> int:
    return max(2048, min(size_bytes, POSTGRES_MOST_BYTES if where.protocol == "postgres" else MOST_EXCHANGE_BYTES))


_PROBES: dict[str, Probe] = {
    "latency": _round_trip,
    "bandwidth": _bulk,
    "timeout": _silence,
    "down": _silence,
    "reset": _reset,
    "slow-close": _close,
    "slicer": _slices,
    "limit-data": _over_limit,
}

_ALONE = ("latency", "bandwidth", "slicer")
