"""k6's output as it is documented. k6 itself has not been run here: its licence is not ours to bring along.
Format: https://grafana.com/docs/k6/latest/results-output/real-time/json/"""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from chaos.errors import SpecError, Unavailable
from chaos.load import k6_run
from chaos.load.elsewhere import start
from chaos.load.k6_output import PENDING_MAX, K6Output
from chaos.model.requests import Failure
from chaos.model.target import K6, Step, Traffic
from chaos.units import Rate
from tests.load.test_locust import Heard

EPOCH = datetime(2026, 11, 25, 12, 0, 0, tzinfo=UTC)
# As the documentation shows it, shortened in nothing that is read.
RECORDED = """\
{"type":"Metric","data":{"name":"http_reqs","type":"counter","contains":"default","thresholds":[],"submetrics":null},"metric":"http_reqs"}
{"metric":"http_reqs","type":"Point","data":{"time":"2026-11-25T13:00:10.625742514+01:00","value":1,"tags":{"expected_response":"true","group":"::checkout","method":"GET","name":"https://shop.example/","proto":"HTTP/1.1","scenario":"default","status":"200","tls_version":"tls1.2","url":"https://shop.example/"}}}
{"metric":"http_req_duration","type":"Point","data":{"time":"2026-11-25T13:00:10.625742514+01:00","value":120.5,"tags":{"expected_response":"true","group":"::checkout","method":"GET","name":"https://shop.example/","proto":"HTTP/1.1","scenario":"default","status":"200","tls_version":"tls1.2","url":"https://shop.example/"}}}
{"metric":"http_req_blocked","type":"Point","data":{"time":"2026-11-25T13:00:10.625742514+01:00","value":5,"tags":{"expected_response":"true","group":"::checkout","method":"GET","name":"https://shop.example/","proto":"HTTP/1.1","scenario":"default","status":"200","tls_version":"tls1.2","url":"https://shop.example/"}}}
{"metric":"http_req_connecting","type":"Point","data":{"time":"2026-11-25T13:00:10.625742514+01:00","value":4,"tags":{"expected_response":"true","group":"::checkout","method":"GET","name":"https://shop.example/","proto":"HTTP/1.1","scenario":"default","status":"200","tls_version":"tls1.2","url":"https://shop.example/"}}}
{"metric":"http_req_failed","type":"Point","data":{"time":"2026-11-25T13:00:10.625742514+01:00","value":0,"tags":{"expected_response":"true","group":"::checkout","method":"GET","name":"https://shop.example/","proto":"HTTP/1.1","scenario":"default","status":"200","tls_version":"tls1.2","url":"https://shop.example/"}}}
{"metric":"vus","type":"Point","data":{"time":"2026-11-25T13:00:11.000000001+01:00","value":20,"tags":null}}
{"metric":"dropped_iterations","type":"Point","data":{"time":"2026-11-25T13:00:11.2+01:00","value":3,"tags":{"group":"","scenario":"default"}}}
"""


def point(metric: str, value: float, at: datetime, **tags: str) -> bytes:
    data = {"time": at.isoformat(), "value": value, "tags": {"name": "home", "method": "GET", **tags}}
    return json.dumps({"metric": metric, "type": "Point", "data": data}).encode()


def request(at: datetime, took_ms: float = 100.0, failed: int = 0, **tags: str) -> list[bytes]:
    """The points of one request, in k6's order."""
    values = {"http_reqs": 1, "http_req_duration": took_ms, "http_req_blocked": 0, "http_req_failed": failed}
    return [point(metric, value, at, **{"status": "200", **tags}) for metric, value in values.items()]


def read(*lines: bytes) -> tuple[K6Output, list[Any]]:
    output = K6Output(round(EPOCH.timestamp() * 1e6))
    return output, [result for line in lines for result in output.line(line)]


def test_the_recorded_output_is_read() -> None:
    """One request, from its actual start to its end with connecting; three iterations that were never made."""
    output, results = read(*RECORDED.encode().splitlines())
    assert results == [(10_500_242, 125_500, "GET", "https://shop.example/", 200, Failure.NONE)]
    assert output.dropped == 3
    assert output.rest() == []


@pytest.mark.parametrize(
    ("status", "code", "failure"),
    [
        ("503", "1503", Failure.STATUS), ("0", "1050", Failure.PATIENCE), ("0", "1212", Failure.REFUSED),
        ("0", "1220", Failure.RESET), ("0", "1000", Failure.OTHER),
    ],
)  # fmt: skip
def test_a_failure_is_told_by_status_or_error_code(status: str, code: str, failure: Failure) -> None:
    _, (result,) = read(*request(EPOCH + timedelta(seconds=1), failed=1, status=status, error_code=code))
    assert (result.status, result.failure) == (int(status), failure)


def test_requests_that_end_together_are_not_mixed_up() -> None:
    """Their points may come in any order; and each counts once."""
    at = EPOCH + timedelta(seconds=1)
    one, two = request(at, 10.0), request(at, 20.0, failed=1, name="pay", status="500")
    _, results = read(*(line for pair in zip(one, reversed(two), strict=True) for line in pair))
    assert {(r.name, r.latency_us, r.failure) for r in results} == {
        ("home", 10_000, Failure.NONE), ("pay", 20_000, Failure.STATUS),
    }  # fmt: skip


def test_a_metric_that_is_switched_off_is_not_waited_for_for_ever() -> None:
    """Then k6's own mark or the status says whether it failed; the memory stays flat."""
    lines = [
        point("http_req_duration", 5.0, EPOCH + timedelta(milliseconds=n), status="200" if n % 2 else "500")
        for n in range(PENDING_MAX + 10)
    ]
    output, results = read(*lines)
    assert len(results) == 10
    assert len(output._pending) == PENDING_MAX
    assert [r.failure for r in results[:2]] == [Failure.STATUS, Failure.NONE]
    assert len(output.rest()) == PENDING_MAX


@pytest.mark.parametrize("line", [b"hello", b"{}", b'{"type":"Point","data":{"time":"now"}}', b"\xff", b'{"type":1}'])
def test_what_k6_does_not_write_is_refused(line: bytes) -> None:
    with pytest.raises(ValueError, match=r"k6|Invalid isoformat"):
        read(line)


# The whole way, with a file or a program in k6's place ---------------------------------------------------------------


def described(**k6: Any) -> Traffic:
    return Traffic(
        entry="web", rate=Rate(100), steps={"front": Step(name="front", method="", path="home")}, k6=K6(**k6)
    )  # fmt: skip


def begin(tmp_path: Path, heard: Heard, traffic: Traffic) -> Any:
    return start(
        traffic, target_path=str(tmp_path / "target.yaml"), base_url="http://127.0.0.1:1", profile="normal",
        t0_s=time.monotonic(), state_dir=tmp_path / "state" / "run", on_batch=heard.batches.append,
        on_end=heard.ends.append,
    )  # fmt: skip


def writing(path: Path, lines: Callable[[], list[bytes]]) -> threading.Thread:
    """Somebody's k6, which writes a line, and then those lines every fifth of a second."""

    def write() -> None:
        for _ in range(8):
            time.sleep(0.2)
            with path.open("ab") as file:
                file.write(b"\n".join(lines()) + b"\n")

    thread = threading.Thread(target=write)
    thread.start()
    return thread


def now() -> datetime:
    return datetime.now(UTC)


@pytest.mark.integration
def test_a_file_is_followed_as_it_grows(tmp_path: Path) -> None:
    """From where it is now on: what was in it before belongs to another run. Under the target's names."""
    output = tmp_path / "k6.json"
    output.write_bytes(b"\n".join(request(now())) + b"\n")
    heard = Heard()
    thread = writing(output, lambda: [*request(now(), 1.0), *request(now(), 1.0, failed=1, status="500", name="x")])
    run = begin(tmp_path, heard, described(output="k6.json"))
    thread.join()
    heard.wait(lambda: len(heard.requests()) >= 16)
    run.stop(0.0)
    found = heard.requests()
    assert (len(found), found.steps) == (16, ("front", "x"))
    assert int((found.failure == Failure.STATUS).sum()) == 8
    assert (heard.ends, run.dropped) == ([""], 0)


@pytest.mark.integration
@pytest.mark.parametrize(
    ("line", "error"),
    [
        (lambda: [b"{broken"], "not a line of k6's JSON output"),
        (lambda: request(now() + timedelta(hours=1)), "clock is 3600 s ahead"),
    ],
)
def test_an_output_that_makes_no_sense_ends_the_run(tmp_path: Path, line: Any, error: str) -> None:
    """With the line's number where it is a line; what came before is kept."""
    output = tmp_path / "k6.json"
    output.touch()
    heard = Heard()
    first = [True]

    def lines() -> list[bytes]:
        good, first[0] = first[0], False
        return request(now(), 0.5) if good else line()

    thread = writing(output, lines)
    run = begin(tmp_path, heard, described(output="k6.json"))
    heard.wait(lambda: bool(heard.ends))
    thread.join()
    run.stop(0.0)
    assert error in heard.ends[0]
    assert len(heard.requests()) == 1
    assert len(heard.ends) == 1


@pytest.mark.integration
def test_k6_is_started_and_its_dropped_iterations_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program in its place that writes what it would: it is given the script and the address, as arguments and
    without a shell; when it ends before the run, that is said with its last word."""
    fake = tmp_path / "bin" / "k6"
    fake.parent.mkdir()
    fake.write_text(
        "#!/bin/sh\n"
        'for word; do case $word in json=*) out=${word#json=};; SALEPROOF_*) echo "$word" >&2;; esac; done\n'
        f"cat {tmp_path}/lines > $out\n"
        "echo thresholds were crossed >&2; exit 99\n"
    )
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{fake.parent}{os.pathsep}{os.environ['PATH']}")
    (tmp_path / "script.js").write_text("export default function () {}\n")
    lines = [*request(now() + timedelta(seconds=1)), point("dropped_iterations", 4, now())]
    (tmp_path / "lines").write_bytes(b"\n".join(lines) + b"\n")
    heard = Heard()
    run = begin(tmp_path, heard, described(script="script.js"))
    heard.wait(lambda: bool(heard.ends))
    run.stop(0.0)
    assert heard.ends == ["k6 ended with 99: thresholds were crossed"]
    assert (len(heard.requests()), run.dropped) == (1, 4)
    assert sum(batch.dropped for batch in heard.batches) == 4
    log = (tmp_path / "state" / "run" / "k6.log").read_text()
    assert "SALEPROOF_URL=http://127.0.0.1:1" in log
    assert "SALEPROOF_TIMES=1" in log


def test_what_cannot_start_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(k6_run, "START_S", 0.1)
    monkeypatch.setenv("PATH", str(tmp_path))
    heard = Heard()
    with pytest.raises(Unavailable, match="k6 is not on PATH"):
        begin(tmp_path, heard, described(script="script.js"))
    with pytest.raises(Unavailable, match="No such file"):
        begin(tmp_path, heard, described(output="none.json"))
    (tmp_path / "k6.json").touch()
    with pytest.raises(Unavailable, match="k6 has written nothing"):
        begin(tmp_path, heard, described(output="k6.json"))
    (tmp_path / "k6").write_text("#!/bin/sh\n")
    (tmp_path / "k6").chmod(0o755)
    with pytest.raises(SpecError, match="there is no file"):
        begin(tmp_path, heard, described(script="script.js"))
    assert heard.ends == []
