"""A gauge by HTTP."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable

import pytest

from chaos.errors import Unavailable
from chaos.model.sli import Shape, Sli, Source
from chaos.slis.http import HttpReader
from chaos.slis.web import NotReached, get
from tests.slis.sources import Web, instance

pytestmark = pytest.mark.integration

Serve = Callable[..., Web]


def sli(path: str, dotted: str | None = None) -> Sli:
    return Sli(name="queue", source=Source.HTTP, shape=Shape.GAUGE, service="web", path=path, json=dotted)


def test_a_number_in_a_json_answer(web: Serve) -> None:
    """By a dotted path, from every instance; true is 1."""
    body = json.dumps({"queues": [{"length": 7, "open": True}]}).encode()
    server = web(state=lambda: (200, body))
    instances = [instance("web-1", server.address), instance("web-2", server.address)]
    reading = HttpReader(sli("/state", "queues.0.length"), instances).read(2.5)
    assert [(s.value, s.service, s.at_s) for s in reading.samples] == [(7.0, "web-1", 2.5), (7.0, "web-2", 2.5)]
    assert HttpReader(sli("/state", "queues.0.open"), instances[:1]).read(0.0).samples[0].value == 1.0


def test_without_a_path_it_is_the_status(web: Serve) -> None:
    """Also a bad one: that is what was asked for."""
    server = web(readyz=lambda: (503, b""))
    assert HttpReader(sli("/readyz"), [instance("web", server.address)]).read(0.0).samples[0].value == 503.0


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, b"<html>"),
        (200, b"{}"),
        (200, b'{"n": "many"}'),
        (200, b'{"n": null}'),
        (200, b'{"n": NaN}'),
        (500, b'{"n": 1}'),
    ],
)
def test_what_is_no_number_is_a_problem(web: Serve, status: int, body: bytes) -> None:
    """Never zero instead."""
    server = web(state=lambda: (status, body))
    reading = HttpReader(sli("/state", "n"), [instance("web", server.address)]).read(0.0)
    assert reading.samples == ()
    assert [p.sli for p in reading.problems] == ["queue"]


def test_an_instance_that_does_not_answer_is_a_problem_beside_the_others(web: Serve) -> None:
    """A number that was not read is lost."""
    server, gone = web(state=lambda: (200, b'{"n": 1}')), web()
    gone.close()
    instances = [instance("web-1", server.address), instance("web-2", gone.address)]
    reading = HttpReader(sli("/state", "n"), instances).read(0.0)
    assert len(reading.samples) == len(reading.problems) == 1
    assert "web-2" in reading.problems[0].error


def test_a_server_that_drips_does_not_hold_the_reader() -> None:
    """The limit is for the whole answer, not for each byte of it."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def drip() -> None:
            line, _ = listener.accept()
            with line:
                line.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
                for _ in range(100):
                    try:
                        line.sendall(b"x")
                    except OSError:
                        return
                    time.sleep(0.05)

        threading.Thread(target=drip, daemon=True).start()
        started_s = time.monotonic()
        with pytest.raises(NotReached, match="no answer within"):
            get(f"127.0.0.1:{listener.getsockname()[1]}", "/", 0.3, "*/*")
        assert time.monotonic() - started_s < 3.0


@pytest.mark.parametrize(
    ("sent", "kind"),
    [
        (b"SSH-2.0\r\n\r\n", Unavailable),
        (b"", NotReached),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx", NotReached),
    ],
)
def test_what_is_cut_or_no_http_is_said_so(sent: bytes, kind: type[Exception]) -> None:
    """Half an answer is none."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            line, _ = listener.accept()
            with line:
                line.recv(4096)
                line.sendall(sent)

        threading.Thread(target=serve, daemon=True).start()
        with pytest.raises(kind):
            get(f"127.0.0.1:{listener.getsockname()[1]}", "/", 5.0, "*/*")
