"""What is known of one condition in one window while the window lasts: what the sequential test is fed with."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from chaos.model.requests import Failure, Requests

Counts = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True, slots=True)
class Evidence:
    """Quarters of a second of the window, without a gap, the first of them number `first`. Arrays of equal length.

    `surely_bad` leaves out what may be the generator's own delay. `total` counts those that are under way too, so that
    `surely_bad / total` can only grow. The first `settled` ones of the window, counted from its beginning, change no
    more. `trouble` says why nothing can be called held in this window; empty when it can.
    """

    first: int
    bad: Counts
    surely_bad: Counts
    total: Counts
    settled: int
    trouble: str = ""


def given_back(requests: Requests, patience_s: float) -> Requests:
    """Every request with the generator's own delay taken off its latency. A customer whose request was under way for
    less than half of the patience gave up because of the generator: undecided."""
    latency_us = np.maximum(0, requests.latency_us - requests.lag_us)
    excused = (requests.failure == Failure.PATIENCE) & (requests.lag_us > round(patience_s * 1e6) // 2)
    failure = np.where(excused, np.int32(Failure.UNFINISHED), requests.failure)
    return replace(requests, latency_us=latency_us, failure=failure)
