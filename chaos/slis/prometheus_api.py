"""A small client of Prometheus' HTTP API, for whoever asks a server: the readers of SLIs, and the SLOs' status.

    api = PrometheusApi(Access.of(target.prometheus, os.environ))
    api.instant("sum(rate(http_requests_total[5m]))")         one point a series
    api.range("...", start_s, end_s, step_s)                  Unix seconds; evaluated points
    api.raw('http_requests_total{job="web"}', 60)             the samples themselves, with the times of their scrapes

Speaks to whatever has this API: Prometheus, Thanos, Mimir, VictoriaMetrics. Each call is bounded in time and size, and
follows no redirect: credentials go to nobody but the server that was named.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

import msgspec

from chaos.errors import Unavailable
from chaos.model.base import from_json
from chaos.slis import tls
from chaos.slis.access import Access
from chaos.slis.web import BYTES_MAX, NotReached

# Of an answer that is no use, so much is shown.
SHOWN = 200


@dataclass(frozen=True, kw_only=True, slots=True)
class Series:
    """One series: its labels, and points of (Unix seconds, value) in order. A value may be NaN or infinite."""

    labels: Mapping[str, str]
    points: tuple[tuple[float, float], ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """`warnings` are the server's own: what it says may be partial."""

    series: tuple[Series, ...] = ()
    warnings: tuple[str, ...] = ()

    def value(self) -> float | None:
        """The only value; None when nothing was found. Raises: Unavailable for several series."""
        if len(self.series) > 1:
            raise Unavailable(f"{len(self.series)} series instead of one; write the query so that it gives one")
        return self.series[0].points[-1][1] if self.series and self.series[0].points else None


@dataclass(frozen=True, kw_only=True, slots=True)
class ServerClock:
    """The server's time, in Unix seconds, at an instant of this machine's CLOCK_MONOTONIC; wrong by at most
    `error_s`."""

    unix_s: float
    monotonic_s: float
    error_s: float


class PrometheusApi:
    """For one thread at a time. Raises on every call: NotReached when nobody answers in time, Unavailable for an answer
    that is an error or not Prometheus'."""

    def __init__(self, access: Access) -> None:
        # 50 ms to import, and most runs ask no Prometheus.
        import requests
        import urllib3

        self.access = access
        self._session = requests.Session()
        # Else a .netrc would add credentials that nobody named.
        self._session.trust_env = False
        self._session.proxies = cast("Any", requests.utils.get_environ_proxies(access.url))
        self._session.headers.update({"Accept": "application/json", "User-Agent": "saleproof"})
        self._session.verify = False if access.insecure else access.ca or tls.machine_authorities()
        if access.insecure:
            # Said by the target file's owner once; not to be said at every request.
            urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
        if access.cert:
            self._session.cert = (access.cert, access.key) if access.key else access.cert
        if access.token:
            self._session.headers["Authorization"] = f"Bearer {access.token}"
        elif access.username:
            # As bytes: requests would write text as Latin-1, and RFC 7617 wants UTF-8.
            self._session.auth = requests.auth.HTTPBasicAuth(access.username.encode(), access.password.encode())

    def instant(self, query: str, at_s: float | None = None) -> Answer:
        """Evaluate at one instant: the server's now, or a Unix time."""
        return self._ask("query", {"query": query} | ({} if at_s is None else {"time": f"{at_s:.3f}"}))

    def range(self, query: str, start_s: float, end_s: float, step_s: float) -> Answer:
        """Evaluate at every step from one Unix time to another, both included."""
        when = {"start": f"{start_s:.3f}", "end": f"{end_s:.3f}", "step": f"{step_s:.3f}"}
        return self._ask("query_range", {"query": query} | when)

    def raw(self, selector: str, seconds: float) -> Answer:
        """The samples of the last so many seconds, as they were scraped: nothing is interpolated or repeated."""
        return self._ask("query", {"query": f"{selector}[{max(1, round(seconds * 1000))}ms]"})

    def clock(self) -> ServerClock:
        """What the server takes for now."""
        began_s = time.monotonic()
        answer = self.instant("time()")
        took_s = time.monotonic() - began_s
        if not answer.series:
            raise Unavailable(f"{self.access.url}: does not say what time it is")
        unix_s = answer.series[0].points[-1][1]
        return ServerClock(unix_s=unix_s, monotonic_s=began_s + took_s / 2, error_s=took_s / 2)

    def close(self) -> None:
        self._session.close()

    def _ask(self, path: str, parameters: dict[str, str]) -> Answer:
        status, body = self._get(f"{self.access.url}/api/v1/{path}", parameters)
        try:
            said = from_json(body, _Said)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as cause:
            raise Unavailable(f"{self.access.url}: {_no_answer(status, body, self.access)}") from cause
        if said.status != "success" or said.data is None:
            raise Unavailable(f"{self.access.url}: {_line(said.error or f'status {status}')}")
        try:
            return Answer(series=_series(said.data), warnings=tuple(_line(text) for text in said.warnings))
        except (msgspec.MsgspecError, ValueError) as cause:
            raise Unavailable(f"{self.access.url}: its answer cannot be read: {_line(str(cause))}") from cause

    def _get(self, url: str, parameters: dict[str, str]) -> tuple[int, bytes]:
        """Status and body. The limit is for the whole of it: requests' own is for each read."""
        import requests
        import urllib3

        limit_s = self.access.timeout_s
        deadline_s = time.monotonic() + limit_s
        try:
            with self._session.get(
                url, params=parameters, timeout=limit_s, allow_redirects=False, stream=True
            ) as answer:
                parts, size = [], 0
                # What is there, and not as much as was asked for: a server that drips must not hold the reader.
                while part := answer.raw.read1(1 << 16, decode_content=True):
                    parts.append(part)
                    size += len(part)
                    if size > BYTES_MAX:
                        raise Unavailable(f"{self.access.url}: more than {BYTES_MAX // 2**20} MiB; narrow the query")
                    if time.monotonic() > deadline_s:
                        raise NotReached(f"{self.access.url}: no whole answer within {limit_s:g} s")
                if answer.is_redirect:
                    there = answer.headers.get("Location", "")
                    raise Unavailable(f"{self.access.url}: says to go to {_line(there)}; say that address as the url")
                return answer.status_code, b"".join(parts)
        except requests.exceptions.Timeout as cause:
            raise NotReached(f"{self.access.url}: no answer within {limit_s:g} s") from cause
        except urllib3.exceptions.ReadTimeoutError as cause:
            raise NotReached(f"{self.access.url}: no whole answer within {limit_s:g} s") from cause
        except urllib3.exceptions.DecodeError as cause:
            raise Unavailable(f"{self.access.url}: its answer is packed wrongly: {_reason(cause)}") from cause
        except requests.exceptions.SSLError as cause:
            known = tls.why(_innermost(cause), self.access.url, ca=self.access.ca, cert=self.access.cert)
            raise Unavailable(f"{self.access.url}: TLS: {known or _reason(cause)}") from cause
        except (requests.exceptions.RequestException, urllib3.exceptions.HTTPError, OSError) as cause:
            raise NotReached(f"{self.access.url}: {_reason(cause)}") from cause


class _Said(msgspec.Struct):
    status: str
    data: Any = None
    error: str = ""
    warnings: list[str] = msgspec.field(default_factory=list)


class _Found(msgspec.Struct):
    """One element of a vector or a matrix."""

    metric: dict[str, str] = msgspec.field(default_factory=dict)
    value: tuple[float, str] | None = None
    values: list[tuple[float, str]] = msgspec.field(default_factory=list)
    histogram: Any = None
    histograms: Any = None


def _series(data: Any) -> tuple[Series, ...]:
    """Raises: msgspec.MsgspecError, ValueError."""
    from chaos.model.base import from_plain

    kind = data.get("resultType") if isinstance(data, dict) else None
    result = data.get("result") if isinstance(data, dict) else None
    if kind == "scalar":
        at_s, text = from_plain(result, tuple[float, str])
        return (Series(labels={}, points=((at_s, float(text)),)),)
    if kind not in ("vector", "matrix"):
        raise ValueError(f"a result of the type {kind!r}")
    found = from_plain(result, list[_Found])
    if any(one.histogram is not None or one.histograms is not None for one in found):
        raise ValueError("a native histogram, which is not read here; ask for its classic buckets or a quantile of it")
    points = ([one.value] if one.value is not None else one.values for one in found)
    return tuple(
        Series(labels=one.metric, points=tuple((at_s, float(text)) for at_s, text in pairs))
        for one, pairs in zip(found, points, strict=True)
    )


def _no_answer(status: int, body: bytes, access: Access) -> str:
    if status == 401 and not (access.token or access.username):
        return "wants to know who asks (status 401); say username and password, or token, under prometheus"
    if status in (401, 403):
        word = "token" if access.token else "username and password" if access.username else "credentials"
        whence = f" ({access.secret_from})" if access.secret_from else ""
        return f"refuses us with status {status}; see {word}{whence} under prometheus in the target file"
    if status == 404:
        return "has no Prometheus API there (status 404); is the url's path right?"
    if status == 400 and b"HTTP request to an HTTPS server" in body:
        return "it speaks TLS there; begin prometheus.url with https://"
    return f"not an answer of Prometheus: status {status}, {_line(body[:SHOWN].decode(errors='replace'))!r}"


def _line(text: str) -> str:
    """On one line, and not too much of it."""
    text = " ".join(text.split())
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}..."


def _innermost(cause: BaseException) -> BaseException:
    """Of what requests and urllib3 wrap into each other. An error of ssl has a `reason`, too: a word."""
    while True:
        reason = getattr(cause, "reason", None)
        if not isinstance(reason, BaseException):
            reason = next((a for a in cause.args if isinstance(a, BaseException)), None)
        if reason is None:
            return cause
        cause = reason


def _reason(cause: BaseException) -> str:
    text = str(_innermost(cause))
    return _line(text.rpartition(">: ")[2] or text)
