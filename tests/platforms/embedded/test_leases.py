"""Leases of the supervisor: what is down or paused under one comes back by itself when nobody renews it."""

from __future__ import annotations

import os
import signal
import time
from typing import Any

import pytest

from chaos.errors import Unavailable
from chaos.model.lease import Lease
from chaos.model.platform import LeaseKeeper
from chaos.model.target import Restart
from chaos.platforms import service_control
from chaos.platforms.embedded.wire import Connection, Request

pytestmark = pytest.mark.integration
SHORT = Lease(id="run-1", ttl_s=1.5)
LONG = Lease(id="run-1", ttl_s=60)


@pytest.mark.parametrize(("verb", "state"), [("kill", "stopped"), ("stop", "stopped"), ("pause", "paused")])
def test_it_comes_back_when_the_lease_runs_out(build: Any, up: Any, eventually: Any, verb: str, state: str) -> None:
    """While it is renewed it stays away; then the instance runs again and is healthy, and the lease is over."""
    control: Any = service_control(up(build.target({"one": build.service("--children", "1")})).control())
    assert isinstance(control, LeaseKeeper)
    assert control.renew_lease(SHORT) == "created"
    getattr(control, verb)("one", lease=SHORT.id)
    until_s = time.monotonic() + 3
    while time.monotonic() < until_s:
        assert control.renew_lease(SHORT) == "renewed"
        assert control.instance("one").state == state
        time.sleep(0.2)
    eventually(lambda: (now := control.instance("one")).state == "running" and now.healthy)
    assert control.renew_lease(SHORT) == "expired"
    with pytest.raises(Unavailable, match="ran out"):
        getattr(control, verb)("one", lease=SHORT.id)
    assert control.instance("one").state == "running"


def test_one_that_its_policy_leaves_down_is_started(build: Any, up: Any, eventually: Any) -> None:
    """A crash without a restart policy is a service that is down, too."""
    once = build.service(restart=Restart(policy="never"))
    control: Any = service_control(up(build.target({"one": once})).control())
    control.renew_lease(SHORT)
    control.crash("one", lease=SHORT.id)
    eventually(lambda: control.instance("one").state == "stopped")
    eventually(lambda: control.instance("one").healthy)


def test_what_is_down_without_a_lease_stays_down(build: Any, up: Any, eventually: Any) -> None:
    """And what somebody stopped again without one: the last word counts."""
    control: Any = service_control(up(build.target({n: build.service() for n in ("a", "b", "c")})).control())
    control.renew_lease(SHORT)
    control.stop("a")
    for name in ("b", "c"):
        control.stop(name, lease=SHORT.id)
    control.start("b")
    control.stop("b")
    eventually(lambda: control.instance("c").healthy)
    time.sleep(1)
    assert [control.instance(name).state for name in ("a", "b", "c")] == ["stopped", "stopped", "running"]


@pytest.mark.parametrize("ended", [False, True])
def test_the_next_supervisor_keeps_it(
    build: Any, up: Any, eventually: Any, supervisor_pid: Any, proc_state: Any, ended: bool
) -> None:
    """A lease and what is under it outlive the supervisor's death, also when it runs out while nobody supervises."""
    lease = Lease(id="run-1", ttl_s=2 if ended else 60)
    control: Any = service_control(up(build.target({"cold": build.service(), "dead": build.service()})).control())
    control.renew_lease(lease)
    control.pause("cold", lease=lease.id)
    control.kill("dead", lease=lease.id)
    first = supervisor_pid()
    os.kill(first, signal.SIGKILL)
    eventually(lambda: proc_state(first) in ("", "Z"))
    if ended:
        time.sleep(2.2)
        assert control.renew_lease(lease) == "expired"
    else:
        assert control.renew_lease(lease) == "renewed"
        assert control.instance("cold").state == "paused"
        assert control.instance("dead").state == "stopped"
        control.release_lease(lease.id)
    for name in ("cold", "dead"):
        eventually(lambda name=name: (now := control.instance(name)).state == "running" and now.healthy)


def test_giving_it_back_brings_everything_back(build: Any, up: Any, eventually: Any) -> None:
    """At once; giving back what is not there is fine."""
    control: Any = service_control(up(build.target({"one": build.service()})).control())
    control.renew_lease(LONG)
    control.pause("one", lease=LONG.id)
    control.release_lease(LONG.id)
    control.release_lease(LONG.id)
    eventually(lambda: control.instance("one").healthy, within_s=5)


def test_a_lease_that_is_not_known_is_refused(build: Any, up: Any) -> None:
    """Nothing was done then; nor is there one for ever."""
    control: Any = service_control(up(build.target({"one": build.service()})).control())
    with pytest.raises(Unavailable, match="not known"):
        control.kill("one", lease="nobody's")
    assert control.instance("one").state == "running"
    with pytest.raises(Unavailable, match="ttl_s"):
        control.renew_lease(Lease(id="run-1", ttl_s=1e9))


def test_taking_the_target_down_ends_them(build: Any, up: Any, eventually: Any, state: Any) -> None:
    """Nothing comes back while it goes down, and the next one knows nothing of them."""
    target = build.target({"one": build.service()})
    platform = up(target)
    control: Any = service_control(platform.control())
    control.renew_lease(LONG)
    control.stop("one", lease=LONG.id)
    platform.down()
    assert not (state / "embedded/corner-shop/leases.json").exists()
    again: Any = service_control(up(target).control())
    assert again.renew_lease(LONG) == "created"
    connection = Connection(state / "embedded/corner-shop/control.sock")
    connection.ask(Request(verb="release", lease=LONG.id))
    assert connection.answer(5).error == ""
    connection.close()
