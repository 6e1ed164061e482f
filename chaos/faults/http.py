"""`http`: a disturbance of the user's own, as HTTP requests."""

from __future__ import annotations

import json
import time
from typing import Any, ClassVar, Self
from urllib.parse import urlsplit

from chaos.errors import Unavailable
from chaos.faults.shared import limits, own
from chaos.model.base import Noun, from_plain, to_plain
from chaos.model.fault import ActsOn, Evidence, Undo
from chaos.model.platform import Anything
from chaos.units import Duration

# As much of an answer as is read.
ANSWER_BYTES = 1_000_000
SHOWN_CHARS = 200


def _check_url(url: str) -> None:
    try:
        parts = urlsplit(url)
    except ValueError as cause:
        raise ValueError(f"url is {url!r}: {cause}") from cause
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"url is {url!r}; it must begin with http:// or https:// and name a host")


class Request(Noun):
    """One HTTP request. `body` is sent as JSON, or as it is when it is text."""

    url: str  # http:// or https://
    method: str = "POST"  # GET, POST, PUT, DELETE, ...
    headers: dict[str, str] = {}  # request headers
    body: Any = None  # sent as JSON, or as it is when it is text

    def __post_init__(self) -> None:
        _check_url(self.url)
        if not self.method.isalpha():
            raise ValueError(f"method is {self.method!r}; it must be one such as GET, POST, PUT or DELETE")


class Check(Noun):
    """A GET that says whether the fault is in place: it answers with `status`, and the body has `contains`."""

    url: str  # http:// or https://
    status: int = 200  # the answer's status while the fault is in place
    contains: str = ""  # a text in the answer's body then
    headers: dict[str, str] = {}  # request headers

    def __post_init__(self) -> None:
        _check_url(self.url)
        if not 100 <= self.status <= 599:
            raise ValueError(f"status is {self.status}; it must be between 100 and 599")


class Http(Noun):
    """Send a request of yours, and another to take it back; `check` passes while the fault is in place."""

    kind: ClassVar[str] = "http"
    needs: ClassVar[type] = Anything
    acts_on: ClassVar[ActsOn] = "nothing"
    example: ClassVar[str] = (
        "http: {send: {url: 'http://127.0.0.1:9000/slow', method: PUT}, "
        "undo: {url: 'http://127.0.0.1:9000/slow', method: DELETE}, "
        "check: {url: 'http://127.0.0.1:9000/slow'}, for: 30s}"
    )

    send: Request  # what disturbs
    undo: Request  # what takes it back
    check: Check  # whether it is in place
    timeout: Duration = Duration(10)  # for each of them

    def __post_init__(self) -> None:
        limits.delay("timeout", self.timeout)

    def prepare(self, where: str, platform: Anything) -> Undo:
        """Asks `check`, which must say no. Raises: Unavailable."""
        ways = Ways(undo=self.undo, check=self.check, timeout=self.timeout)
        if ways.in_place():
            raise Unavailable(f"check passes before anything was sent: GET {self.check.url}")
        return Undo(kind=self.kind, where=where, data=to_plain(ways))

    def inject(self, undo: Undo, platform: Anything) -> None:
        status, body = _ask(self.send, self.timeout)
        if status >= 400:
            raise Unavailable(f"{self.send.method} {self.send.url} answered {status}: {body[:SHOWN_CHARS]}")

    def confirm(self, undo: Undo, platform: Anything) -> Evidence:
        """By the user's own `check`."""
        status, body = _ask(_get(self.check), self.timeout)
        passes = _passes(self.check, status, body)
        text = f"check answered {status}" if passes else f"check answered {status}: {body[:SHOWN_CHARS]}"
        return Evidence(confirmed=passes, text=text)

    @staticmethod
    def revert(undo: Undo) -> None:
        """Send `undo`, and believe `check` alone."""
        ways = Ways.of(undo)
        own.take_back(
            ways.take_back, ways.in_place, kind="http", passes="check still passes",
            by_hand=f": curl -X {ways.undo.method} {ways.undo.url}",
        )  # fmt: skip

    @staticmethod
    def is_present(undo: Undo) -> bool:
        return Ways.of(undo).in_place()


class Ways(Noun):
    """The data of the undo record: what takes it back and what looks at it. Headers are in it, as they were written."""

    undo: Request
    check: Check
    timeout: Duration

    @classmethod
    def of(cls, undo: Undo) -> Self:
        return from_plain(undo.data, cls)

    def take_back(self) -> str:
        """What was wrong with `undo`; empty when nothing was. Raises: Unavailable."""
        status, body = _ask(self.undo, self.timeout)
        return f"undo answered {status}: {body[:SHOWN_CHARS]}" if status >= 400 else ""

    def in_place(self) -> bool:
        """Raises: Unavailable when `check` gets no answer, or a server's error that it does not ask for."""
        status, body = _ask(_get(self.check), self.timeout)
        if status >= 500 and status != self.check.status:
            raise Unavailable(f"check cannot tell: GET {self.check.url} answered {status}: {body[:SHOWN_CHARS]}")
        return _passes(self.check, status, body)


def _get(check: Check) -> Request:
    return Request(url=check.url, method="GET", headers=check.headers)


def _passes(check: Check, status: int, body: str) -> bool:
    return status == check.status and check.contains in body


def _ask(request: Request, timeout: Duration) -> tuple[int, str]:
    """Status and body of the answer; redirects are not followed. Raises: Unavailable."""
    import requests
    from urllib3.exceptions import HTTPError

    until_s = time.monotonic() + timeout
    body = request.body if isinstance(request.body, str | None) else json.dumps(request.body)
    headers = dict(request.headers)
    if body is not None and not isinstance(request.body, str):
        headers.setdefault("Content-Type", "application/json")
    what = f"{request.method} {request.url}"
    with requests.Session() as session:
        # A proxy of the environment is for the world outside, not for this machine.
        session.trust_env = urlsplit(request.url).hostname not in ("127.0.0.1", "localhost", "::1")
        try:
            with session.request(
                request.method,
                request.url,
                headers=headers,
                data=None if body is None else body.encode(),
                timeout=float(timeout),
                allow_redirects=False,
                stream=True,
            ) as answer:
                read = bytearray()
                # What has come, not a whole buffer of it: an answer that drips must not keep us beyond the timeout.
                while len(read) < ANSWER_BYTES and (chunk := answer.raw.read1(64 * 1024, decode_content=True)):
                    read += chunk
                    if time.monotonic() > until_s:
                        raise Unavailable(f"{what} did not end within {timeout}")
                return answer.status_code, read.decode(errors="replace")
        except (requests.RequestException, HTTPError, ValueError) as cause:
            raise Unavailable(f"{what} got no answer: {cause}") from cause
