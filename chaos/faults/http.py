"""`http`: a disturbance of the user's own, as HTTP requests."""

from __future__ import annotations

from typing import ClassVar
from urllib.parse import urlsplit

from chaos.faults.shared import limits
from chaos.model.base import Noun
from chaos.model.fault import ActsOn
from chaos.model.platform import Anything
from chaos.units import Duration


def _check_url(url: str) -> None:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"url is {url!r}; it must begin with http:// or https:// and name a host")


class Request(Noun):
    """One HTTP request. `body` is sent as JSON, or as it is when it is text."""

    url: str
    method: str = "POST"
    headers: dict[str, str] = {}
    body: str | int | float | bool | list[object] | dict[str, object] | None = None

    def __post_init__(self) -> None:
        _check_url(self.url)
        if not self.method.isalpha():
            raise ValueError(f"method is {self.method!r}; it must be one such as GET, POST, PUT or DELETE")


class Check(Noun):
    """A GET that says whether the fault is in place: it answers with `status`, and the body has `contains`."""

    url: str
    status: int = 200
    contains: str = ""
    headers: dict[str, str] = {}

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
        "http: {send: {url: http://127.0.0.1:9000/slow, method: PUT}, undo: {url: http://127.0.0.1:9000/slow, "
        "method: DELETE}, check: {url: http://127.0.0.1:9000/slow}, for: 30s}"
    )

    send: Request
    undo: Request
    check: Check
    timeout: Duration = Duration(10)

    def __post_init__(self) -> None:
        limits.delay("timeout", self.timeout)
