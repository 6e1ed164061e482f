"""One customer's cookies for one shop. RFC 6265 as far as one host needs it: names, values, and their end.

Domain, path and secure are not looked at: a customer of ours only ever talks to the one entry of the target. The
standard library's jar costs more than the request itself.
"""

from __future__ import annotations

from collections.abc import Iterable
from email.utils import parsedate_to_datetime


class Cookies:
    """Kept in the order in which they were first set, as browsers send them."""

    __slots__ = ("_header", "_values")

    def __init__(self) -> None:
        self._values: dict[str, str] = {}
        self._header = ""

    @property
    def header(self) -> str:
        """The value of the `Cookie` header; empty when there is none to send."""
        return self._header

    def take(self, set_cookie: Iterable[str]) -> None:
        """Obey the `Set-Cookie` headers of one answer."""
        for line in set_cookie:
            pair, _, attributes = line.partition(";")
            name, equals, value = pair.partition("=")
            name = name.strip()
            if not name or not equals:
                continue
            if attributes and _is_over(attributes):
                self._values.pop(name, None)
            else:
                self._values[name] = value.strip()
        self._header = "; ".join(f"{name}={value}" for name, value in self._values.items())


def _is_over(attributes: str) -> bool:
    """Max-Age of 0 or less deletes; without one, a date in 1970 does. No journey lasts to any other date."""
    expired = False
    for attribute in attributes.split(";"):
        name, _, value = attribute.partition("=")
        match name.strip().lower():
            case "max-age":
                number = value.strip()
                return number.lstrip("-").isdigit() and int(number) <= 0
            case "expires":
                try:
                    expired = parsedate_to_datetime(value.strip()).year <= 1970
                except (TypeError, ValueError):
                    expired = False
    return expired
