"""The whole generator: a process of its own, real customers, a real server, and the runner's side."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from pathlib import Path

import numpy as np
import psutil
import pytest

from chaos.errors import SpecError, Unavailable, UsageError
from chaos.load.arrivals import Arrivals
from chaos.load.control import get_multiplier, set_multiplier
from chaos.load.traffic import TrafficRun
from chaos.model.counting import judge_rows
from chaos.model.objective import Condition, Op
from chaos.model.platform import TrafficShaper
from chaos.model.requests import Failure, pack, unpack
from chaos.model.sli import Shape, Source
from chaos.model.target import Journey, Step, Traffic
from chaos.units import Duration
from tests.load.customers import BUYING, CART, HOME, ORDER, Shop, Watch, traffic

pytestmark = pytest.mark.integration

Send = Callable[..., tuple[TrafficRun, Watch]]


def seconds_of(watch: Watch, first_s: float, last_s: float) -> int:
    """How many customers were due in that span."""
    requests = watch.requests
    _, first = np.unique(requests.customer[np.argsort(requests.start_us)], return_index=True)
    starts_s = np.sort(requests.start_us)[first] / 1e6
    return int(((starts_s >= first_s) & (starts_s < last_s)).sum())


def test_customers_walk_through_their_journeys(send: Send, shop: Shop) -> None:
    """Step by step, with what they saved, their own cookies and their own idempotency key; what the shop has promised
    is handed over; every request is a row."""
    run, watch = send(BUYING, shop.url)
    watch.wait(lambda: len(watch.acknowledged) >= 50)
    run.stop(5.0)
    requests = watch.requests
    steps = defaultdict(list)
    for row in np.lexsort((requests.start_us, requests.customer)):
        steps[int(requests.customer[row])].append(requests.steps[requests.step[row]])
    assert {tuple(names) for names in steps.values()} == {("home", "cart", "order")}
    assert set(requests.failure.tolist()) == {int(Failure.NONE)}
    assert set(requests.status.tolist()) == {200, 201}
    assert {requests.instances[i] for i in requests.instance[requests.step == 0]} == {"web-1"}

    orders = [entry for entry in shop.log() if entry["method"] == "POST"]
    assert len(orders) == len(watch.acknowledged) == len(set(watch.acknowledged)) == len(steps)
    assert len({entry["key"] for entry in orders}) == len(orders)
    assert len({entry["cookie"] for entry in orders}) == len(orders)
    assert all(isinstance(json.loads(entry["body"])["product"], int) for entry in orders)
    assert watch.ends == [""]
    assert unpack(pack(requests)).start_us.tolist() == sorted(requests.start_us.tolist())


def test_a_later_step_starts_when_the_one_before_has_ended_and_the_customer_has_thought(send: Send, shop: Shop) -> None:
    """Latency is counted from there, so that thinking is nobody's slowness."""
    run, watch = send(traffic(HOME, CART, values=BUYING.values, think=Duration(0.4)), shop.url)
    watch.wait(lambda: len(watch.requests) >= 60)
    run.stop(5.0)
    requests = watch.requests
    first = requests.only(requests.step == 0)
    first_end = dict(zip(first.customer.tolist(), (first.start_us + first.latency_us).tolist(), strict=True))
    second = requests.only(np.flatnonzero((requests.step == 1) & (requests.failure == Failure.NONE)))
    gaps_us = [s - first_end[c] for c, s in zip(second.customer.tolist(), second.start_us.tolist(), strict=True)]
    assert len(gaps_us) >= 10
    assert all(399_000 <= gap <= 400_500 for gap in gaps_us)
    assert np.median(requests.latency_us[requests.failure == Failure.NONE]) < 200_000


def test_a_stopped_server_does_not_slow_the_arrivals(send: Send, shop: Shop) -> None:
    """Open loop: while nobody is served, just as many come; the latency counts from when they meant to be served."""
    t0_s = time.monotonic()
    run, watch = send(traffic(HOME, rate=100, patience=Duration(10)), shop.url, t0_s=t0_s)
    watch.wait(lambda: len(watch.requests) >= 100)
    frozen_s = time.monotonic() - t0_s
    shop.freeze()
    time.sleep(2.0)
    thawed_s = time.monotonic() - t0_s
    shop.thaw()
    time.sleep(1.0)
    run.stop(8.0)
    expected = 100 * (thawed_s - frozen_s)
    assert abs(seconds_of(watch, frozen_s, thawed_s) - expected) < 5 * expected**0.5
    requests = watch.requests
    early = (requests.start_us > frozen_s * 1e6 + 100_000) & (requests.start_us < frozen_s * 1e6 + 500_000)
    assert (requests.failure[early] == Failure.NONE).all()
    waited_us = thawed_s * 1e6 - requests.start_us[early]
    assert (requests.latency_us[early] >= waited_us - 50_000).all()


def test_who_waits_too_long_gives_up_and_leaves(send: Send, shop: Shop) -> None:
    """The next step never happens, and the request is told as under way before that."""
    slow = Step(name="slow", method="GET", path="/slow?s=60")
    run, watch = send(traffic(slow, HOME, rate=20, patience=Duration(0.6)), shop.url)
    watch.wait(lambda: len(watch.requests) >= 20)
    run.stop(2.0)
    requests = watch.requests
    assert set(requests.failure.tolist()) <= {int(Failure.PATIENCE), int(Failure.UNFINISHED)}
    assert set(requests.step.tolist()) == {0}
    gave_up = requests.latency_us[requests.failure == Failure.PATIENCE]
    assert gave_up.min() >= 590_000
    assert np.median(gave_up) < 1_500_000
    began = {i for batch in watch.batches for i in batch.started.ids.tolist()}
    ended = {i for batch in watch.batches for i in batch.ended.tolist()}
    assert len(began) >= 20
    assert began == ended


def test_failures_have_their_kinds_and_end_the_journey(send: Send, shop: Shop, nobody: str) -> None:
    """Refused, reset, a status that the step does not expect, and an answer without what was to be saved."""
    for path, url, kind in (
        ("/", nobody, Failure.REFUSED), ("/reset", shop.url, Failure.RESET),
        ("/status/503", shop.url, Failure.STATUS), ("/status/200", shop.url, Failure.STATUS),
    ):  # fmt: skip
        step = Step(name="home", method="POST" if path == "/reset" else "GET", path=path, save={"product": "id"})
        if path == "/reset":
            step = Step(name="home", method="GET", path=path)
        run, watch = send(traffic(step, Step(name="next", method="GET", path="/")), url)
        watch.wait(lambda watch=watch: len(watch.requests) >= 10)  # type: ignore[misc]
        run.stop(2.0)
        finished = watch.requests.failure[watch.requests.failure != Failure.UNFINISHED]
        assert set(finished.tolist()) == {int(kind)}, path
        assert set(watch.requests.step.tolist()) == {0}


def test_an_expected_status_is_a_good_answer(send: Send, shop: Shop) -> None:
    """A step may expect a 404."""
    step = Step(name="gone", method="GET", path="/status/404", expect=(404, 404))
    run, watch = send(traffic(step), shop.url)
    watch.wait(lambda: len(watch.requests) >= 10)
    run.stop(2.0)
    assert set(watch.requests.failure.tolist()) == {0}


def test_weights_and_profiles(send: Send, shop: Shop) -> None:
    """A profile multiplies the rate; journeys come in their weights."""
    step = Step(name="home", method="GET", path="/")
    wanted = traffic(
        step, rate=50, profiles={"normal": 1.0, "sale": 4.0},
        journeys=(Journey(name="a", weight=3, steps=("home",)), Journey(name="b", weight=1, steps=("home",))),
    )  # fmt: skip
    run, watch = send(wanted, shop.url, profile="sale")
    watch.wait(lambda: len(watch.requests) >= 400)
    run.stop(2.0)
    requests = watch.requests
    share = Counter(requests.journey.tolist())
    assert abs(share[0] / len(requests) - 0.75) < 5 * (0.75 * 0.25 / len(requests)) ** 0.5
    span_s = (requests.start_us.max() - requests.start_us.min()) / 1e6
    assert abs(len(requests) / span_s - 200) < 60


def test_two_processes_share_the_rate(send: Send, shop: Shop) -> None:
    """Customers and requests have numbers of their own, and together they are as many as one process's."""
    run, watch = send(traffic(HOME, rate=200), shop.url, processes=2)
    watch.wait(lambda: len(watch.requests) >= 500)
    run.stop(2.0)
    requests = watch.requests
    assert len(set(requests.customer.tolist())) == len(requests)
    odd = int((requests.customer % 2).sum())
    assert abs(odd - len(requests) / 2) < 5 * len(requests) ** 0.5
    assert watch.ends == [""]
    assert len(run.traffic_control()["generators"]) == 2


def test_another_process_multiplies_the_rate_and_takes_it_back(send: Send, shop: Shop) -> None:
    """Given plain data, as it is in a fault's undo record."""
    t0_s = time.monotonic()
    run, watch = send(traffic(HOME, rate=50), shop.url, t0_s=t0_s)
    assert isinstance(run, TrafficShaper)
    control = json.loads(json.dumps(run.traffic_control()))
    assert get_multiplier(control) == 1.0

    def elsewhere(multiplier: float) -> float:
        code = (
            "import json, sys; from chaos.load.control import get_multiplier, set_multiplier;"
            "c = json.loads(sys.argv[1]); set_multiplier(c, float(sys.argv[2])); print(get_multiplier(c))"
        )
        done = subprocess.run(
            [sys.executable, "-c", code, json.dumps(control), str(multiplier)],
            capture_output=True, text=True, check=True, timeout=60,
        )  # fmt: skip
        return float(done.stdout)

    time.sleep(1.0)
    began_s = time.monotonic() - t0_s
    assert elsewhere(8.0) == 8.0
    surge_s = time.monotonic() - t0_s
    time.sleep(2.0)
    ends_s = time.monotonic() - t0_s
    assert elsewhere(1.0) == 1.0
    after_s = time.monotonic() - t0_s
    watch.wait(lambda: run.multiplier == 1.0)
    time.sleep(1.0)
    run.stop(2.0)
    many = 400 * (ends_s - surge_s)
    assert abs(seconds_of(watch, surge_s, ends_s) - many) < 5 * many**0.5
    few = 50 * began_s
    assert seconds_of(watch, 0, began_s) < few + 5 * few**0.5
    assert seconds_of(watch, after_s, after_s + 1.0) < 50 + 5 * 50**0.5


def test_a_multiplier_that_is_none_is_refused(send: Send, shop: Shop) -> None:
    """And the old one stays."""
    run, _ = send(traffic(HOME), shop.url)
    with pytest.raises(ValueError, match="multiplier"):
        run.multiply(-1.0)
    assert get_multiplier(run.traffic_control()) == 1.0


def test_the_control_of_a_generator_that_is_gone(send: Send, shop: Shop) -> None:
    """There is nothing to take back, and nothing to inject into; a reused pid is not mistaken for it."""
    run, _ = send(traffic(HOME), shop.url)
    control = run.traffic_control()
    reused = json.loads(json.dumps(control))
    reused["generators"][0]["start_ticks"] += 1
    assert get_multiplier(reused) is None
    run.stop(1.0)
    assert get_multiplier(control) is None
    with pytest.raises(Unavailable, match="gone"):
        set_multiplier(control, 1.0)


def test_a_frozen_generator_does_not_obey_in_silence(send: Send, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """It cannot be said that the multiplier is back; and it is not alive for long."""
    monkeypatch.setattr("chaos.load.control.TIMEOUT_S", 0.5)
    monkeypatch.setattr("chaos.load.traffic.SILENT_S", 2.0)
    run, watch = send(traffic(HOME), shop.url)
    assert run.alive
    os.kill(run.pid, signal.SIGSTOP)
    with pytest.raises(Unavailable, match="does not answer"):
        get_multiplier(run.traffic_control())
    watch.wait(lambda: not run.alive)
    os.kill(run.pid, signal.SIGCONT)


def test_stopping_lets_customers_finish(send: Send, shop: Shop) -> None:
    """Those who can, within the time that they get."""
    slow = Step(name="slow", method="GET", path="/slow?s=1")
    run, watch = send(traffic(slow, rate=30), shop.url)
    watch.wait(lambda: bool(watch.batches) and watch.batches[-1].in_flight >= 10)
    run.stop(10.0)
    assert set(watch.requests.failure.tolist()) == {0}
    assert watch.batches[-1].in_flight == 0


def test_stopping_at_once_leaves_unfinished_requests(send: Send, shop: Shop) -> None:
    """Every one is a row with its age, and none is forgotten; those who are thinking are undecided too."""
    slow = Step(name="slow", method="GET", path="/slow?s=30")
    run, watch = send(traffic(HOME, slow, rate=30, think=Duration(1)), shop.url)
    watch.wait(lambda: bool(watch.batches) and watch.batches[-1].in_flight >= 10)
    run.stop(0.0)
    requests = watch.requests
    customers = set(requests.customer.tolist())
    unfinished = requests.customer[requests.failure == Failure.UNFINISHED].tolist()
    assert sorted(unfinished) == sorted(customers)
    assert len(customers) >= watch.batches[-1].arrived - 1
    transactions = Condition(
        text="transactions >= 99%", sli="transactions", source=Source.LOAD, shape=Shape.TRANSACTIONS, op=Op.GE,
        threshold=0.99, budget=0.01,
    )  # fmt: skip
    assert len(judge_rows(transactions, requests, patience_s=10, transactions={"buy": 2})) == 0


def test_a_killed_generator_is_noticed_and_its_requests_are_kept(send: Send, shop: Shop) -> None:
    """With how it died; what was under way is unfinished."""
    slow = Step(name="slow", method="GET", path="/slow?s=30")
    run, watch = send(traffic(slow, rate=30), shop.url)
    watch.wait(lambda: sum(len(batch.started) for batch in watch.batches) >= 10)
    os.kill(run.pid, signal.SIGKILL)
    assert watch.ended.wait(10)
    assert watch.ends == ["signal 9"]
    assert not run.alive
    assert len(watch.requests) >= 10
    assert set(watch.requests.failure.tolist()) == {int(Failure.UNFINISHED)}


def test_the_generator_ends_with_the_runner(shop: Shop, tmp_path: Path) -> None:
    """Also when the runner is killed and can say nothing."""
    runner = subprocess.Popen(
        [sys.executable, "-c", RUNNER, shop.url, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )  # fmt: skip
    try:
        assert runner.stdout is not None
        generator = psutil.Process(int(runner.stdout.readline()))
        runner.kill()
        runner.wait(timeout=10)
        generator.wait(timeout=10)
    finally:
        runner.kill()
        runner.wait(timeout=10)
        with contextlib.suppress(psutil.NoSuchProcess, UnboundLocalError):
            generator.kill()


RUNNER = """
import sys, time
from pathlib import Path
from chaos.load.traffic import TrafficRun
from tests.load.customers import HOME, traffic
run = TrafficRun.start(
    traffic(HOME), base_url=sys.argv[1], profile="normal", seed=1, t0_s=time.monotonic(), state_dir=Path(sys.argv[2]),
    on_batch=lambda batch: None, on_end=lambda reason: None,
)
print(run.pid, flush=True)
time.sleep(60)
"""


def test_a_recorder_that_fails_ends_the_traffic(shop: Shop, tmp_path: Path) -> None:
    """Evidence that cannot be kept is the end of the run, never a gap in it."""
    watch = Watch()

    def full(_: object) -> None:
        raise OSError("no space left")

    run = TrafficRun.start(
        traffic(HOME), base_url=shop.url, profile="normal", seed=1, t0_s=time.monotonic(), state_dir=tmp_path,
        on_batch=full, on_end=watch.on_end,
    )  # fmt: skip
    try:
        assert watch.ended.wait(10)
        assert watch.ends == ["OSError: no space left"]
    finally:
        run.stop(0.0)


def test_a_quiet_run_leaves_no_files_and_its_folder_is_private(send: Send, shop: Shop, tmp_path: Path) -> None:
    """A folder for each run, with an empty log in it, would add up; nobody else may see which runs there are."""
    run, _ = send(traffic(HOME), shop.url, state_dir=tmp_path / "runs" / "1")
    assert [path.stat().st_mode & 0o077 for path in (tmp_path / "runs", tmp_path / "runs" / "1")] == [0, 0]
    run.stop(0.0)
    assert list((tmp_path / "runs").iterdir()) == []


def test_customers_for_whom_there_is_no_file_are_counted(shop: Shop, tmp_path: Path) -> None:
    """Never silently left out: the run must know that the shop got less than it was to get."""
    watch = Watch()
    slow = traffic(Step(name="slow", method="GET", path="/slow?s=20"), rate=100)
    soft = 100
    code = f"import resource as r, runpy; r.setrlimit(r.RLIMIT_NOFILE, ({soft}, {soft})); " + (
        "runpy.run_module('chaos.load.generator', run_name='__main__')"
    )
    original = subprocess.Popen

    def limited(command: list[str], **more: object) -> subprocess.Popen[bytes]:
        return original([command[0], "-P", "-c", code], **more)  # type: ignore[call-overload, no-any-return]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("chaos.load.traffic.subprocess.Popen", limited)
        run = TrafficRun.start(
            slow, base_url=shop.url, profile="normal", seed=1, t0_s=time.monotonic(), state_dir=tmp_path,
            on_batch=watch.batches.append, on_end=watch.on_end,
        )  # fmt: skip
    try:
        watch.wait(lambda: run.dropped >= 20)
        assert "no files" in next(batch.why_dropped for batch in watch.batches if batch.dropped)
        assert set(watch.requests.failure.tolist()) <= {int(Failure.UNFINISHED)}
    finally:
        run.stop(0.0)


def test_what_cannot_start_is_said_at_once(shop: Shop, tmp_path: Path) -> None:
    """An unknown profile, traffic that makes no sense, an address that nobody can speak to."""

    def start(wanted: Traffic, url: str = shop.url, profile: str = "normal") -> None:
        TrafficRun.start(
            wanted, base_url=url, profile=profile, seed=1, t0_s=0.0, state_dir=tmp_path,
            on_batch=lambda _: None, on_end=lambda _: None,
        )  # fmt: skip

    with pytest.raises(UsageError, match=r"unknown load 'norml'\. Did you mean 'normal'"):
        start(traffic(HOME), profile="norml")
    with pytest.raises(SpecError, match="nothing fills"):
        start(traffic(ORDER))
    with pytest.raises(Unavailable, match="cannot speak to 'gopher://x'"):
        start(traffic(HOME), url="gopher://x")


def test_orders_that_are_none_are_refused(send: Send, shop: Shop) -> None:
    """Over the socket, with a reason, and the traffic goes on."""
    run, watch = send(traffic(HOME), shop.url)
    with socket.socket(socket.AF_UNIX) as line:
        line.settimeout(10)
        line.connect(run.traffic_control()["generators"][0]["socket"])
        for wrong in (b"hello\n", b'{"multiplied": 3}\n', b'{"multiply": "x"}\n'):
            line.sendall(wrong)
            assert "not an order" in json.loads(line.recv(4096))["error"]
    before = len(watch.requests)
    watch.wait(lambda: len(watch.requests) > before + 10)


def test_the_control_socket_is_private(send: Send, shop: Shop) -> None:
    """Nobody else may raise the traffic."""
    run, _ = send(traffic(HOME), shop.url)
    path = Path(run.traffic_control()["generators"][0]["socket"])
    assert path.parent.stat().st_mode & 0o077 == 0
    run.stop(0.0)
    assert not path.parent.exists()


def test_the_p99_is_true_when_the_server_stalls(send: Send, shop: Shop) -> None:
    """Frozen for 2 s of 6: the truth follows from the arrivals' seed alone. (`make bench` holds it to 3 %; here is room
    for a busy machine. Closed-loop tools are off by half or more.)"""
    t0_s = time.monotonic()
    run, watch = send(traffic(Step(name="home", method="GET", path="/"), rate=100), shop.url, t0_s=t0_s)
    watch.wait(lambda: len(watch.requests) >= 200)
    shop.freeze()
    frozen_s = time.monotonic() - t0_s
    time.sleep(2.0)
    shop.thaw()
    thawed_s = time.monotonic() - t0_s
    time.sleep(2.0)
    run.stop(8.0)
    requests = watch.requests.only(np.argsort(watch.requests.start_us))
    arrivals = Arrivals(kind="poisson", per_s=100.0, seed="1/0/arrivals", start_s=0.0)
    times_s = np.array([arrivals.take() for _ in range(len(requests))])
    times_s += requests.start_us[0] / 1e6 - times_s[0]
    assert np.abs(times_s - requests.start_us / 1e6).max() < 0.002
    waited_s = np.where((times_s >= frozen_s) & (times_s < thawed_s), thawed_s - times_s, 0.0)
    true_s = float(np.percentile(waited_s, 99))
    assert abs(np.percentile(requests.latency_us, 99) / 1e6 - true_s) < 0.1 * true_s
