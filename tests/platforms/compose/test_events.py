"""What an engine tells of a container, and one that does not."""

from __future__ import annotations

import http.server
import json
import socketserver
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from chaos.errors import Unavailable
from chaos.platforms.compose import events
from chaos.platforms.compose.engine import Endpoint, Engine

LIFE = "0123456789ab 2026-01-01T00:00:00.5Z"


class Docker(http.server.BaseHTTPRequestHandler):
    """As much of an engine as is asked here."""

    hangs = threading.Event()
    asked = ""

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        if path.endswith("/events"):
            type(self).asked = self.path
            if self.hangs.is_set():
                self.connection.settimeout(20)
                self.rfile.read(1)  # until whoever asked has had enough
                return
            body = b"".join(json.dumps({"id": each * 64}).encode() + b"\n" for each in "ab")
            body += json.dumps({"id": "0123456789abcdef"}).encode() + b"\n"
        else:
            body = json.dumps({"ApiVersion": "1.41", "SystemTime": "2026-01-01T00:01:00.25Z"}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass

    def address_string(self) -> str:
        return "unix"


class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True


@pytest.fixture
def engine() -> Iterator[Engine]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "docker.sock"
        with Server(str(path), Docker) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            yield Engine(Endpoint(host=f"unix://{path}"))
            server.shutdown()
            Docker.hangs.clear()


def test_only_that_container_s_are_counted(engine: Engine) -> None:
    """And only those since that life of it began."""
    assert events.count(engine, LIFE, "oom", name="web") == 1
    assert "since=1767225600.500000000" in Docker.asked


def test_an_engine_that_hangs_is_not_waited_for(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """The SDK's own call would wait for ever."""
    monkeypatch.setattr(events, "CALL_WITHIN_S", 0.2)
    Docker.hangs.set()
    with pytest.raises(Unavailable, match="did not tell what happened to web within"):
        events.count(engine, LIFE, "oom", name="web")
