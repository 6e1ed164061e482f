"""A real Prometheus on loopback for the tests: the one in .bin/ (`ci/prometheus` puts it there) or on PATH."""

from __future__ import annotations

import base64
import os
import shutil
import socket
import ssl
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.tls import Signed

ROOT = Path(__file__).parents[1]
REQUIRED = "SALEPROOF_REQUIRE_PROMETHEUS"


def program(name: str = "prometheus") -> str:
    """Its path. Where there is none the test is skipped, with the reason; with SALEPROOF_REQUIRE_PROMETHEUS=1 it
    fails."""
    ours = ROOT / ".bin" / name
    found = str(ours) if os.access(ours, os.X_OK) else shutil.which(name)
    if found is not None:
        return found
    why = f"there is no {name} in .bin/ or on PATH; ci/prometheus fetches it"
    if os.environ.get(REQUIRED) == "1":
        pytest.fail(f"{REQUIRED}=1, and {why}", pytrace=False)
    pytest.skip(why)


@dataclass(frozen=True, kw_only=True)
class Guarded:
    """What a server asks of its clients: a file for `--web.config.file`, and how the test itself gets in."""

    config: str
    context: ssl.SSLContext
    headers: dict[str, str] = field(default_factory=dict)


def backfill(folder: Path, history: str) -> None:
    """What the server has scraped before it begins: OpenMetrics with times."""
    (folder / "history").write_text(history)
    words = ["tsdb", "create-blocks-from", "openmetrics", "history", "data"]
    done = subprocess.run([program("promtool"), *words], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


USER, PASSWORD = "me", "sesame-and-poppy"
# bcrypt of it, at the least cost that there is.
_HASHED = "$2b$04$abcdefghijklmnopqrstuunxMhhHZjeAy57xhIn/SRljTvp/aZ7U."


def guarded(
    server: Signed, *, password: bool = True, clients: Path | None = None, client: Signed | None = None
) -> Guarded:
    """TLS; USER and PASSWORD; a certificate that `clients` has signed, such as the test's own `client`."""
    lines = [f"tls_server_config:\n  cert_file: {server.cert}\n  key_file: {server.key}"]
    if clients is not None:
        lines += [f"  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: {clients}"]
    if password:
        lines += [f"basic_auth_users: {{{USER}: '{_HASHED}'}}"]
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if client is not None:
        context.load_cert_chain(client.cert, client.key)
    basic = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
    return Guarded(config="\n".join(lines) + "\n", context=context, headers={"Authorization": f"Basic {basic}"})


class Prometheus:
    """One server. `scrape` maps a job to its targets, host:port, asked every `every` (their path is /metrics)."""

    def __init__(
        self, folder: Path, scrape: dict[str, list[str]], every: str = "1s", extra: str = "",
        guarded: Guarded | None = None, history: str = "",
    ) -> None:  # fmt: skip
        jobs = "".join(
            f"  - {{job_name: {job}, static_configs: [{{targets: [{', '.join(map(repr, targets))}]}}]}}\n"
            for job, targets in scrape.items()
        )
        head = f"global: {{scrape_interval: {every}, scrape_timeout: {every}, evaluation_interval: {every}}}\n"
        (folder / "prometheus.yml").write_text(f"{head}{extra}scrape_configs:\n{jobs}")
        if history:
            backfill(folder, history)
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.url = f"http{'s' if guarded is not None else ''}://127.0.0.1:{self.port}"
        self._guarded = guarded
        (folder / "web.yml").write_text("" if guarded is None else guarded.config)
        self.log = folder / "prometheus.log"
        with self.log.open("wb") as log:
            self.popen = subprocess.Popen(
                [
                    program(), f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data",
                    f"--web.listen-address=127.0.0.1:{self.port}", "--web.enable-lifecycle",
                    f"--web.config.file={folder}/web.yml",
                ],
                stdout=log, stderr=log,
            )  # fmt: skip
        self._ready()

    def _ready(self, within_s: float = 30.0) -> None:
        until_s = time.monotonic() + within_s
        guarded = self._guarded
        asked = urllib.request.Request(f"{self.url}/-/ready", headers=guarded.headers if guarded is not None else {})
        context = guarded.context if guarded is not None else None
        while time.monotonic() < until_s and self.popen.poll() is None:
            try:
                with urllib.request.urlopen(asked, timeout=1, context=context) as answer:
                    if answer.status == 200:
                        return
            except OSError:
                time.sleep(0.05)
        raise AssertionError(f"Prometheus does not start: {self.log.read_text()[-500:]}")

    def stop(self) -> None:
        self.popen.kill()
        self.popen.wait(10)


@contextmanager
def prometheus(
    scrape: dict[str, list[str]], every: str = "1s", extra: str = "", guarded: Guarded | None = None,
    history: str = "",
) -> Iterator[Prometheus]:  # fmt: skip
    """Up, in a folder of its own; afterwards both are gone."""
    with tempfile.TemporaryDirectory() as folder:
        server = Prometheus(Path(folder), scrape, every, extra, guarded, history)
        try:
            yield server
        finally:
            server.stop()
