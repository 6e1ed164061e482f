"""One customer's cookies."""

from __future__ import annotations

from chaos.load.cookies import Cookies


def after(*answers: list[str]) -> str:
    cookies = Cookies()
    for lines in answers:
        cookies.take(lines)
    return cookies.header


def test_cookies_are_kept_and_replaced() -> None:
    """In the order in which they were first set."""
    assert after(["a=1; Path=/; HttpOnly", "b=x=y"], ["a=2"]) == "a=2; b=x=y"


def test_a_cookie_that_is_over_is_gone() -> None:
    """By Max-Age, which wins, or by a date in the past of all journeys."""
    assert after(["a=1", "b=1"], ["a=; Max-Age=0"]) == "b=1"
    assert after(["a=1"], ["a=; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Path=/"]) == ""
    assert after(["a=1; Max-Age=60; Expires=Thu, 01 Jan 1970 00:00:00 GMT"]) == "a=1"
    assert after(["a=1; Expires=Fri, 31 Dec 2100 00:00:00 GMT"]) == "a=1"


def test_what_is_no_cookie_is_ignored() -> None:
    """As browsers do."""
    assert after(["nothing", "=x", "", "a=1; Expires=never; Max-Age=x"]) == "a=1"
