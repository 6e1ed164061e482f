"""`http`."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from tinyshop import TinyShop, free_port

from chaos import faults
from chaos.errors import RevertFailed, Unavailable
from chaos.faults.http import Check, Http, Request
from chaos.model.fault import Undo
from chaos.units import Duration


def http(url: str, **changes: Any) -> Http:
    parameters: dict[str, Any] = {
        "send": Request(url=url, method="PUT"),
        "undo": Request(url=url, method="DELETE"),
        "check": Check(url=url, contains="on"),
    }
    return Http(**(parameters | changes))


@pytest.mark.parametrize("url", ["127.0.0.1:80/x", "ftp://127.0.0.1/x", "http://", "http://[::1/x"])
def test_a_url_without_scheme_or_host_is_refused(url: str) -> None:
    """Before anything is sent."""
    with pytest.raises(ValueError, match="url is"):
        Request(url=url)


def test_values_that_make_no_sense_are_refused() -> None:
    """A method is a word, a status has three digits."""
    with pytest.raises(ValueError, match="method is"):
        Request(url="http://127.0.0.1/", method="PUT /x")
    with pytest.raises(ValueError, match="status is 20"):
        Check(url="http://127.0.0.1/", status=20)


@pytest.fixture
def url(shop: TinyShop) -> str:
    return f"http://127.0.0.1:{shop.ports['web']}/switch"


@pytest.mark.integration
def test_an_undo_that_does_nothing_is_not_believed(url: str) -> None:
    """200 is not proof: `check` is. The message has the request."""
    fault = http(url, undo=Request(url=url, method="GET"))
    undo = fault.prepare("http", None)
    fault.inject(undo, None)
    try:
        with pytest.raises(RevertFailed, match=f"check still passes. Undo it by hand: curl -X GET {url}"):
            faults.revert(undo)
    finally:
        faults.revert(Undo(kind="http", where="http", data=undo.data | {"undo": {"url": url, "method": "DELETE"}}))


@pytest.mark.integration
def test_a_check_that_passes_beforehand_is_refused(url: str) -> None:
    """It could not tell the fault from its absence."""
    with pytest.raises(Unavailable, match="check passes before anything was sent"):
        http(url, check=Check(url=url, status=404)).prepare("http", None)


@pytest.mark.integration
def test_a_check_that_fails_does_not_confirm(url: str) -> None:
    """Whatever the answer to the request was."""
    fault = http(url, check=Check(url=url, contains="something else"))
    undo = fault.prepare("http", None)
    fault.inject(undo, None)
    evidence = fault.confirm(undo, None)
    faults.revert(undo)
    assert not evidence.confirmed
    assert evidence.text == "check answered 200: on"


def test_a_server_that_is_not_there_is_never_taken_for_gone() -> None:
    """Its fault may outlive it."""
    fault = http(f"http://127.0.0.1:{free_port()}/")
    with pytest.raises(Unavailable, match="got no answer"):
        fault.prepare("http", None)
    undo = Undo(
        kind="http",
        where="http",
        data={"undo": {"url": fault.undo.url}, "check": {"url": fault.check.url}, "timeout": 1.0},
    )
    with pytest.raises(Unavailable):
        faults.is_present(undo)
    with pytest.raises(RevertFailed):
        faults.revert(undo)


@pytest.fixture
def dripping() -> Iterator[str]:
    """A server that answers a byte at a time and never ends."""
    ended = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:

        def drip() -> None:
            connection, _ = server.accept()
            with connection:
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
                while not ended.wait(0.05):
                    try:
                        connection.sendall(b"x")
                    except OSError:
                        return

        thread = threading.Thread(target=drip, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}/"
        ended.set()
        thread.join(10)


def test_an_answer_that_drips_does_not_keep_us(dripping: str) -> None:
    """The timeout is for the whole of it."""
    began_s = time.monotonic()
    with pytest.raises(Unavailable, match="did not end within 500ms"):
        http(dripping, timeout=Duration(0.5)).prepare("http", None)
    assert time.monotonic() - began_s < 10
