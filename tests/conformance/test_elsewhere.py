"""An engine elsewhere: by TCP, by ssh, by a Docker context. Its loopback counts as far away: the Toxiproxy API is
reached through the engine or through ssh, and what was disturbed is reverted by the recorded address alone."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from composeshop import ComposeShop
from grounds import target

from chaos.errors import Refused
from chaos.faults.latency import Latency
from chaos.faults.pause import Pause
from chaos.model.base import to_json
from chaos.model.fault import Undo
from chaos.platforms.compose import engine as engines
from chaos.platforms.compose.platform import ComposePlatform
from chaos.proxy.client import ToxiproxyClient
from chaos.units import Duration

pytestmark = [pytest.mark.docker, pytest.mark.timeout(120)]
ROOT = Path(__file__).parents[2]
SOCKET = "/var/run/docker.sock"
REVERT = """
import sys
from chaos import faults
from chaos.model.base import from_json
from chaos.model.fault import Undo
undo = from_json(sys.stdin.read(), Undo)
faults.revert(undo)
print(faults.is_present(undo))
"""


@pytest.fixture
def by_tcp() -> Iterator[str]:
    """The engine's socket behind a TCP port of loopback."""
    server = socket.create_server(("127.0.0.1", 0))
    threading.Thread(target=_carry_all, args=(server,), daemon=True).start()
    yield f"tcp://127.0.0.1:{server.getsockname()[1]}"
    server.close()


def _carry_all(server: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while True:
            client, _ = server.accept()
            engine = socket.socket(socket.AF_UNIX)
            engine.connect(SOCKET)
            for source, sink in ((client, engine), (engine, client)):
                threading.Thread(target=_carry, args=(source, sink), daemon=True).start()


def _carry(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)


@pytest.fixture
def by_ssh(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """An ssh server of this test's own on loopback, with keys of its own."""
    sshd = shutil.which("sshd") or "/usr/sbin/sshd"
    if not Path(sshd).exists():
        if os.environ.get("SALEPROOF_REQUIRE_DOCKER") == "1":
            pytest.fail("there is no sshd here, and it is required (Debian: openssh-server)")
        pytest.skip("there is no sshd here (Debian: openssh-server)")
    folder = Path(tempfile.mkdtemp(prefix="ssh-"))
    Path("/run/sshd").mkdir(exist_ok=True)
    for name in ("host", "user"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / name], check=True)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    (folder / "sshd_config").write_text(
        f"Port {port}\nListenAddress 127.0.0.1\nHostKey {folder}/host\nAuthorizedKeysFile {folder}/user.pub\n"
        "StrictModes no\nUsePAM no\nPidFile none\nPermitRootLogin prohibit-password\n"
    )
    (folder / "config").write_text(
        f"Host *\n  IdentityFile {folder}/user\n  StrictHostKeyChecking no\n  UserKnownHostsFile /dev/null\n"
        "  LogLevel ERROR\n"
    )
    ours = folder / "ssh"
    ours.write_text(f'#!/bin/sh\nexec {shutil.which("ssh")} -F {folder}/config "$@"\n')
    ours.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    server = subprocess.Popen([sshd, "-D", "-f", folder / "sshd_config"])
    try:
        _until_it_listens(port)
        yield f"ssh://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait()
        shutil.rmtree(folder)


def _until_it_listens(port: int) -> None:
    until_s = time.monotonic() + 10
    while True:
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        assert time.monotonic() < until_s
        time.sleep(0.02)


@pytest.fixture
def state(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A short path: the near end of an ssh's tunnel is a socket in it."""
    folder = Path(tempfile.mkdtemp(prefix="sp-"))
    monkeypatch.setenv("SALEPROOF_STATE", str(folder))
    yield folder
    shutil.rmtree(folder)


@pytest.mark.parametrize("way", ["by_tcp", "by_ssh"])
def test_a_run_from_far_away(
    way: str, compose: ComposeShop, state: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    """Found, disturbed, confirmed; and reverted by another process that has only the record, and no DOCKER_HOST."""
    host = request.getfixturevalue(way)
    near = ToxiproxyClient(compose.proxy_api)
    before = near.proxies()
    monkeypatch.setenv("DOCKER_HOST", host)
    far = ComposePlatform.attach(target(compose.project))
    assert far is not None
    assert far.inventory().endpoint == host
    assert far.proxy_api != compose.proxy_api
    for fault, where in ((Latency(delay=Duration(0.5)), "web -> cache"), (Pause(), "web")):
        undo = fault.prepare(where, far)
        fault.inject(undo, far)
        try:
            evidence = fault.confirm(undo, far)
            assert evidence.confirmed, evidence.text
            assert near.proxies() != before or compose.instance("web").state == "paused"
        finally:
            assert _revert_elsewhere(undo) == "False"
    assert near.proxies() == before
    assert compose.instance("web").state == "running"


def _revert_elsewhere(undo: Undo) -> str:
    environment = {name: value for name, value in os.environ.items() if name != "DOCKER_HOST"}
    environment["DOCKER_HOST"] = "unix:///there/is/none"
    done = subprocess.run(
        [sys.executable, "-c", REVERT], input=to_json(undo), capture_output=True, env=environment, cwd=ROOT, timeout=60,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode().strip()


def test_no_ssh_is_left(compose: ComposeShop, state: Path, by_ssh: str) -> None:
    """Whatever ends the process that had started it, as a SIGKILL does."""
    code = (
        "import os, signal\nfrom chaos.platforms.compose.engine import connect\nconnect().ping()\n"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    subprocess.run([sys.executable, "-c", code], env={**os.environ, "DOCKER_HOST": by_ssh}, cwd=ROOT, check=False)
    port = by_ssh.rpartition(":")[2]
    until_s = time.monotonic() + 10
    while any(port in line for line in _commands("ssh")):
        assert time.monotonic() < until_s, "an ssh is left"
        time.sleep(0.05)


def test_an_ssh_that_ended_is_started_anew(state: Path, by_ssh: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that is restarted, or a connection that broke: the next call is answered, as a revert needs it."""
    monkeypatch.setenv("DOCKER_HOST", by_ssh)
    engine = engines.connect()
    engine.ping()
    port = by_ssh.rpartition(":")[2]
    (pid,) = (pid for pid, line in _processes("ssh") if port in line)
    os.kill(pid, signal.SIGKILL)
    while any(port in line for line in _commands("ssh")):
        time.sleep(0.01)
    engine.ping()


def _commands(name: str) -> list[str]:
    return [line for _, line in _processes(name)]


def _processes(name: str) -> list[tuple[int, str]]:
    """Process number and command line."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            words = path.read_bytes().split(b"\0")
            if Path(words[0].decode()).name == name:
                found.append((int(path.parent.name), b" ".join(words).decode()))
    return found


@pytest.fixture
def contexts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], None]:
    """Makes Docker contexts in a configuration of the test's own."""
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    (tmp_path / "config.json").write_text("{}")
    monkeypatch.delenv("DOCKER_HOST", raising=False)

    def make(name: str, host: str) -> None:
        subprocess.run(["docker", "context", "rm", "-f", name], capture_output=True, check=False)
        subprocess.run(["docker", "context", "create", name, "--docker", f"host={host}"], check=True)

    return make


def test_a_docker_context(
    compose: ComposeShop, contexts: Callable[[str, str], None], by_tcp: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is followed and recorded; and a record never goes to another engine that the context means by now."""
    contexts("staging", by_tcp)
    monkeypatch.setenv("DOCKER_CONTEXT", "staging")
    found = ComposePlatform.attach(target(compose.project))
    assert found is not None
    recorded = engines.resolve()
    assert (recorded.host, recorded.context) == (by_tcp, "staging")
    assert found.inventory().endpoint == f"{by_tcp} (context staging)"
    contexts("staging", "tcp://127.0.0.1:1")
    with pytest.raises(Refused, match=r"means tcp://127\.0\.0\.1:1 now, and this was recorded for"):
        engines.Engine(recorded)
