"""Each step's requests second by second: total, bad, and two percentiles. Derived from the recorded requests.

Kept because a report of a month of runs must not unpack every request of them. Compact: no histogram, since
every request is recorded and any other figure can be had from those.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

from chaos.model.base import Noun, from_json, to_json

if TYPE_CHECKING:
    from chaos.model.requests import Requests


class Series(Noun):
    """Entry i is of second `first_s + i` by intended start. Percentiles are in seconds; -1: nothing was answered."""

    step: str  # empty: all steps together
    first_s: int
    total: tuple[int, ...]
    bad: tuple[int, ...]
    p50_s: tuple[float, ...]
    p99_s: tuple[float, ...]


def per_second(requests: Requests) -> tuple[Series, ...]:
    """All steps together, then each step that was asked for."""
    import numpy as np

    if not len(requests):
        return ()
    parts = [("", np.ones(len(requests), bool))]
    parts += [(name, requests.step == i) for i, name in enumerate(requests.steps)]
    return tuple(_of(name, requests.only(mask)) for name, mask in parts if mask.any())


def _of(step: str, requests: Requests) -> Series:
    import numpy as np

    from chaos.model.requests import Failure

    second = requests.start_us // 1_000_000
    order = np.lexsort((requests.latency_us, second))
    first, size = int(second.min()), int(second.max() - second.min()) + 1
    failed = (requests.failure != Failure.NONE) & (requests.failure != Failure.UNFINISHED)
    answered = order[requests.failure[order] == Failure.NONE]
    edges = np.searchsorted(second[answered], np.arange(first, first + size + 1))
    latencies_us = requests.latency_us[answered]

    def quantile(q: float) -> tuple[float, ...]:
        count = np.diff(edges)
        at = edges[:-1] + np.maximum(0, np.ceil(q * count).astype(np.int64) - 1)
        safe = np.minimum(at, max(0, len(latencies_us) - 1))
        values = latencies_us[safe] / 1e6 if len(latencies_us) else np.zeros(size)
        return tuple(np.where(count > 0, values, -1.0).tolist())

    return Series(
        step=step,
        first_s=first,
        total=tuple(np.bincount(second - first, minlength=size).tolist()),
        bad=tuple(np.bincount(second - first, failed, size).astype(int).tolist()),
        p50_s=quantile(0.5),
        p99_s=quantile(0.99),
    )


def packed(series: Series) -> bytes:
    return zlib.compress(to_json(series))


def unpacked(blob: bytes) -> Series:
    return from_json(zlib.decompress(blob), Series)
