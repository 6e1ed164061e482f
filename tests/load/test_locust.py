"""Locust makes the traffic: a master and two workers, against a small shop."""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from chaos.errors import SpecError, Unavailable
from chaos.load.batch import Batch
from chaos.load.elsewhere import start
from chaos.load.locust_run import LocustRun
from chaos.model.requests import Failure, Requests
from chaos.model.target import Locust, Step, Traffic
from chaos.units import Rate

pytestmark = pytest.mark.integration

FILE = """\
from locust import FastHttpUser, constant_throughput, task

class Customer(FastHttpUser):
    wait_time = constant_throughput(20)

    @task(3)
    def home(self):
        self.client.get("/")

    @task(1)
    def pay(self):
        self.client.post("/pay", name="pay")
"""


class Shop:
    """Every request is counted; paying is refused."""

    def __init__(self) -> None:
        self.asked: Counter[str] = Counter()
        lock = threading.Lock()
        shop = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self) -> None:
                with lock:
                    shop.asked[self.path] += 1
                self.send_response(503 if self.path == "/pay" else 200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            do_GET = do_POST = answer

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()


@pytest.fixture
def shop() -> Iterator[Shop]:
    found = Shop()
    yield found
    found.server.shutdown()
    found.server.server_close()


class Heard:
    def __init__(self) -> None:
        self.batches: list[Batch] = []
        self.ends: list[str] = []

    def requests(self) -> Requests:
        return Requests.join([batch.finished for batch in self.batches])

    def wait(self, what: Any, within_s: float = 30.0) -> None:
        until_s = time.monotonic() + within_s
        while not what():
            assert time.monotonic() < until_s, self.ends
            time.sleep(0.05)


def traffic(tmp_path: Path, text: str = FILE, **more: Any) -> Traffic:
    (tmp_path / "locustfile.py").write_text(text)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    return Traffic(
        entry="web", rate=Rate(100), profiles={"normal": 1.0, "double": 2.0},
        steps={"home": Step(name="home", method="", path="GET /"), "pay": Step(name="pay", method="", path="pay")},
        locust=Locust(file="locustfile.py", users=5, listen=f"127.0.0.1:{port}", **{"processes": 2, **more}),
    )  # fmt: skip


def begin(tmp_path: Path, shop: Shop, heard: Heard, described: Traffic, profile: str = "normal") -> Any:
    return start(
        described, target_path=str(tmp_path / "target.yaml"), base_url=shop.url, profile=profile,
        t0_s=time.monotonic(), state_dir=tmp_path / "state" / "run", on_batch=heard.batches.append,
        on_end=heard.ends.append,
    )  # fmt: skip


def test_every_request_of_every_worker_is_heard_once(tmp_path: Path, shop: Shop) -> None:
    """As it happens, under the target's names for it, with its status; as many as the shop has counted; and what was
    told to stop has no reason for its end."""
    heard = Heard()
    began_s = time.monotonic()
    run = begin(tmp_path, shop, heard, traffic(tmp_path), "double")
    try:
        heard.wait(lambda: len(heard.requests()) > 150)
        newest_s = heard.batches[-1].at_s
        assert newest_s == pytest.approx(time.monotonic() - began_s, abs=3.0)
    finally:
        run.stop(1.0)
    found = heard.requests()
    assert found.steps[:2] == ("home", "pay")
    counts = {name: int((found.step == n).sum()) for n, name in enumerate(found.steps)}
    assert counts == {"home": shop.asked["/"], "pay": shop.asked["/pay"]}
    pay = found.step == 1
    assert set(found.status[pay].tolist()) == {503}
    assert set(found.failure[pay].tolist()) == {int(Failure.STATUS)}
    assert set(found.failure[~pay].tolist()) == {int(Failure.NONE)}
    assert (found.start_us > 0).all()
    assert (found.latency_us < 5_000_000).all()
    assert heard.ends == [""]
    assert not run.silent


def test_a_worker_that_dies_ends_the_run(tmp_path: Path, shop: Shop) -> None:
    """The others would share its users, and nobody would have said that the traffic was another one for a while."""
    heard = Heard()
    run: LocustRun = begin(tmp_path, shop, heard, traffic(tmp_path))
    try:
        os.kill(run._processes[2].pid, signal.SIGKILL)
        heard.wait(lambda: bool(heard.ends))
        assert "locust-worker-2 ended with -9" in heard.ends[0]
    finally:
        run.stop(0.0)
    assert all(process.poll() is not None for process in run._processes)
    assert len(heard.ends) == 1


def test_what_cannot_start_is_said(tmp_path: Path, shop: Shop) -> None:
    """With Locust's own last word."""
    heard = Heard()
    with pytest.raises(Unavailable, match=r"Locust did not start: locust-\w+.* ended with"):
        begin(tmp_path, shop, heard, traffic(tmp_path, "import nothing_of_that_name\n"))
    described = traffic(tmp_path)
    (tmp_path / "locustfile.py").unlink()
    with pytest.raises(SpecError, match="there is no file"):
        begin(tmp_path, shop, heard, described)
    assert heard.ends == []
