"""What `k6 run --out json=FILE` writes, line by line, made into results.

k6 writes a point for each metric of a request, with the same time (its end) and tags: `http_reqs`, `http_req_duration`
(from the first byte sent), `http_req_blocked` (waiting for a connection, connecting included), `http_req_failed`. They
are put together again by time and tags. `dropped_iterations` are arrivals that k6 had no virtual user for.
Format: https://grafana.com/docs/k6/latest/results-output/real-time/json/
"""

from __future__ import annotations

from datetime import datetime

import msgspec

from chaos.load.foreign import Result
from chaos.model.base import from_json
from chaos.model.requests import Failure

# Metrics of one request that are waited for before it counts as read.
_DURATION, _BLOCKED, _FAILED = "http_req_duration", "http_req_blocked", "http_req_failed"
_WANTED = (_DURATION, _BLOCKED, _FAILED)
# A request of which a metric is still missing after so many others counts without it: a script may switch one off.
PENDING_MAX = 2_000
# https://grafana.com/docs/k6/latest/javascript-api/error-codes/
_ERRORS = {"1050": Failure.PATIENCE, "1211": Failure.PATIENCE, "1212": Failure.REFUSED, "1220": Failure.RESET}


class Tags(msgspec.Struct):
    name: str = ""
    method: str = ""
    status: str = "0"
    scenario: str = ""
    group: str = ""
    error_code: str = ""
    expected_response: str = ""


class Point(msgspec.Struct):
    time: str = ""
    value: float = 0.0
    tags: Tags | None = None


class Line(msgspec.Struct):
    type: str
    metric: str = ""
    data: Point | None = None


Key = tuple[str, str, str, str, str, str]


class K6Output:
    """Lines in, results out. `dropped` counts iterations that were never made."""

    def __init__(self, epoch_us: int) -> None:
        """`epoch_us`: the run's zero as Unix microseconds."""
        self._epoch_us = epoch_us
        self._pending: dict[Key, tuple[Tags, dict[str, float]]] = {}
        self.dropped = 0
        self.newest_us = 0  # since the run's zero

    def line(self, text: bytes) -> list[Result]:
        """What became whole with this line. Raises: ValueError for one that k6 does not write."""
        try:
            line = from_json(text, Line)
        except (msgspec.MsgspecError, UnicodeDecodeError) as cause:
            raise ValueError(f"not a line of k6's JSON output: {text[:80].decode(errors='replace')!r}") from cause
        if line.type != "Point" or line.data is None:
            return []
        at_us = self._at_us(line.data.time)
        self.newest_us = max(self.newest_us, at_us)
        if line.metric == "dropped_iterations":
            self.dropped += round(line.data.value)
        if line.metric not in _WANTED or line.data.tags is None:
            return []
        tags = line.data.tags
        key = (line.data.time, tags.scenario, tags.group, tags.method, tags.name, tags.status)
        _, metrics = self._pending.setdefault(key, (tags, {}))
        metrics[line.metric] = line.data.value
        if len(metrics) == len(_WANTED):
            return [self._whole(key)]
        return [self._whole(next(iter(self._pending)))] if len(self._pending) > PENDING_MAX else []

    def rest(self) -> list[Result]:
        """Requests of which not all metrics came, at the end."""
        return [self._whole(key) for key in list(self._pending)]

    def _whole(self, key: Key) -> Result:
        tags, metrics = self._pending.pop(key)
        status = int(tags.status) if tags.status.isdigit() else 0
        failed = metrics.get(_FAILED, 0.0 if _looks_good(tags, status) else 1.0)
        failure = Failure.NONE
        if failed:
            failure = Failure.STATUS if status else _ERRORS.get(tags.error_code, Failure.OTHER)
        took_us = round((metrics.get(_DURATION, 0.0) + metrics.get(_BLOCKED, 0.0)) * 1000)
        start_us = self._at_us(key[0]) - took_us
        return Result(start_us, took_us, tags.method, tags.name, status, failure)

    def _at_us(self, text: str) -> int:
        """Raises: ValueError. RFC 3339, with more digits of a second than Python reads."""
        when = datetime.fromisoformat(text)
        if when.tzinfo is None:
            raise ValueError(f"{text!r} has no time zone")
        return round(when.timestamp() * 1e6) - self._epoch_us


def _looks_good(tags: Tags, status: int) -> bool:
    """What k6 itself takes as good, where the metric is switched off."""
    return tags.expected_response == "true" or 200 <= status <= 399
