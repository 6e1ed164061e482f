"""A real Prometheus on loopback for the tests: the one in .bin/ (`ci/prometheus` puts it there) or on PATH."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

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


class Prometheus:
    """One server. `scrape` maps a job to its targets, host:port, asked every `every` (their path is /metrics)."""

    def __init__(self, folder: Path, scrape: dict[str, list[str]], every: str = "1s", extra: str = "") -> None:
        jobs = "".join(
            f"  - {{job_name: {job}, static_configs: [{{targets: [{', '.join(map(repr, targets))}]}}]}}\n"
            for job, targets in scrape.items()
        )
        head = f"global: {{scrape_interval: {every}, scrape_timeout: {every}, evaluation_interval: {every}}}\n"
        (folder / "prometheus.yml").write_text(f"{head}{extra}scrape_configs:\n{jobs}")
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = folder / "prometheus.log"
        with self.log.open("wb") as log:
            self.popen = subprocess.Popen(
                [
                    program(), f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data",
                    f"--web.listen-address=127.0.0.1:{self.port}", "--web.enable-lifecycle",
                ],
                stdout=log, stderr=log,
            )  # fmt: skip
        self._ready()

    def _ready(self, within_s: float = 30.0) -> None:
        until_s = time.monotonic() + within_s
        while time.monotonic() < until_s and self.popen.poll() is None:
            try:
                with urllib.request.urlopen(f"{self.url}/-/ready", timeout=1) as answer:
                    if answer.status == 200:
                        return
            except OSError:
                time.sleep(0.05)
        raise AssertionError(f"Prometheus does not start: {self.log.read_text()[-500:]}")

    def stop(self) -> None:
        self.popen.kill()
        self.popen.wait(10)


@contextmanager
def prometheus(scrape: dict[str, list[str]], every: str = "1s", extra: str = "") -> Iterator[Prometheus]:
    """Up, in a folder of its own; afterwards both are gone."""
    with tempfile.TemporaryDirectory() as folder:
        server = Prometheus(Path(folder), scrape, every, extra)
        try:
            yield server
        finally:
            server.stop()
