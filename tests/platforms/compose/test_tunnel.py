"""A port here that leads into a container's network; the engine and the far side are played."""

from __future__ import annotations

import contextlib
import os
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from chaos.platforms.compose import agent, tunnel
from chaos.platforms.compose.engine import INSIDE_VARIABLE

WITHIN_S = 10.0
ECHO = """\
#!/bin/sh
echo $$ > "$RELAY_PID"
exec cat
"""


@pytest.fixture(autouse=True)
def container(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tunnel.project, "inspect", lambda *_: SimpleNamespace(pid=1))


class PlayedEngine:
    """Its one command echoes: what is written to it comes back as the engine frames it."""

    def __init__(self) -> None:
        self.near, self.far = socket.socketpair()
        self.ended = threading.Event()
        self.api = SimpleNamespace(exec_create=lambda *_, **__: {"Id": "e"}, exec_start=lambda *_, **__: self.near)
        threading.Thread(target=self._echo, daemon=True).start()

    @contextlib.contextmanager
    def calling(self, _: str) -> Iterator[Any]:
        yield self

    def _echo(self) -> None:
        with self.far:
            while data := self.far.recv(1000):
                self.far.sendall(struct.pack("!BxxxL", 1, len(data)) + data)
        self.ended.set()


def said(address: str) -> bytes:
    """What comes back for a word; then the caller goes, as one that keeps no connection does."""
    host, _, port = address.rpartition(":")
    with socket.create_connection((host, int(port)), timeout=WITHIN_S) as client:
        client.sendall(b"hello")
        return client.recv(100)


def until(so: Callable[[], bool]) -> None:
    until_s = time.monotonic() + WITHIN_S
    while not so():
        assert time.monotonic() < until_s, "it goes on"
        time.sleep(0.02)


def test_who_hangs_up_ends_what_was_started_on_the_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each call of a fault proxy's API is a connection: a command for each would stay on the engine's machine."""
    engine: Any = PlayedEngine()
    monkeypatch.setattr(agent, "ensure", lambda *_: "a")
    assert said(tunnel.Tunnel(engine, "shop", "c", 8474).address) == b"hello"
    assert engine.ended.wait(WITHIN_S)


def test_who_hangs_up_ends_the_relay_of_the_agent(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Inside our agent it is a process of its own, which nobody else ends."""
    nsenter, pid = tmp_path / "nsenter", tmp_path / "pid"
    nsenter.write_text(ECHO)
    nsenter.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setenv("RELAY_PID", str(pid))
    monkeypatch.setenv(INSIDE_VARIABLE, "unix:///none")
    engine: Any = None
    assert said(tunnel.Tunnel(engine, "shop", "c", 8474).address) == b"hello"
    until(lambda: not Path(f"/proc/{pid.read_text().strip()}").exists())
