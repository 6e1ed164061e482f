"""The supervisor can die, and so can the fault proxy."""

from __future__ import annotations

import json
import os
import signal
import time
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from chaos.model.target import Restart
from chaos.platforms import service_control
from chaos.platforms.embedded.identity import TICKS_PER_S
from chaos.platforms.embedded.platform import EmbeddedPlatform
from chaos.platforms.embedded.wire import Connection, Request
from chaos.units import Duration

pytestmark = pytest.mark.integration


def kill_hard(pid: int, proc_state: Any, eventually: Any) -> None:
    os.kill(pid, signal.SIGKILL)
    eventually(lambda: proc_state(pid) in ("", "Z"))


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_services_outlive_their_supervisor(
    number: signal.Signals, build: Any, up: Any, supervisor_pid: Any, proc_state: Any, eventually: Any, kill9: Any
) -> None:
    """The next call starts another one, which takes the same processes over and restarts them when they die."""
    platform = up(build.target({"one": build.service(), "two": build.service()}))
    control = service_control(platform.control())
    before = control.instance("one")
    first = supervisor_pid()
    os.kill(first, number)
    eventually(lambda: proc_state(first) in ("", "Z"))
    after = control.instance("one")
    assert (after.pid, after.restarts, after.state, after.healthy) == (before.pid, 0, "running", True)
    assert supervisor_pid() != first
    kill9(after.pid)  # not a child of this supervisor
    eventually(lambda: (now := control.instance("one")).restarts == 1 and now.healthy)
    control.crash("two")
    eventually(lambda: (now := control.instance("two")).restarts == 1 and now.healthy)


def test_a_supervisor_that_dies_while_it_is_asked(build: Any, up: Any, supervisor_pid: Any) -> None:
    """The next one answers: a dying process still accepts connections for a moment."""
    platform = up(build.target({"one": build.service()}))
    for _ in range(5):
        os.kill(supervisor_pid(), signal.SIGKILL)
        assert platform.instance("one").healthy
    assert platform.instance("one").restarts == 0


def test_what_died_meanwhile_is_restarted(
    build: Any, up: Any, supervisor_pid: Any, proc_state: Any, eventually: Any
) -> None:
    """As its policy says: one that is never restarted stays down."""
    never = build.service(restart=Restart(policy="never", backoff=Duration(0.05)))
    platform = up(build.target({"one": build.service(), "once": never}))
    pids = [platform.instance(name).pid for name in ("one", "once")]
    for pid in (supervisor_pid(), *pids):
        kill_hard(pid, proc_state, eventually)
    eventually(lambda: platform.instance("one").healthy)
    assert platform.instance("one").restarts == 1
    eventually(lambda: platform.instance("once").state == "stopped")


def test_what_shall_be_down_stays_down(
    build: Any, up: Any, supervisor_pid: Any, proc_state: Any, eventually: Any
) -> None:
    """A killed service and a frozen one stay so under the next supervisor; so does a spare slot."""
    services = {"dead": build.service(), "cold": build.service("--children", "1"), "many": build.service()}
    platform = up(build.target(services, slots={"many": (1, 2)}))
    control = service_control(platform.control())
    control.kill("dead")
    control.pause("cold")
    pid = control.instance("cold").pid
    kill_hard(supervisor_pid(), proc_state, eventually)
    assert control.instance("dead").state == "stopped"
    assert (control.instance("cold").state, proc_state(pid)) == ("paused", "T")
    assert control.instance("many-2").state == "spare"
    control.unpause("cold")
    assert control.instance("cold").healthy
    assert control.instance("cold").pid == pid


def test_a_supervisor_that_died_during_the_start(
    build: Any, up: Any, supervisor_pid: Any, proc_state: Any, eventually: Any
) -> None:
    """`up` notices, and the next supervisor goes on where the first was."""
    services = {"a": build.service(), "b": build.service(after=("a",)), "c": build.service(after=("b",))}
    killed: list[int] = []

    def progress(name: str, what: str) -> None:
        if not killed and name == "a" and what.startswith("ready"):
            killed.append(supervisor_pid())
            kill_hard(killed[0], proc_state, eventually)

    platform = up(build.target(services), progress=progress)
    assert killed
    assert all(one.healthy for one in platform.inventory().instances.values())


def test_down_without_a_supervisor(
    build: Any, up: Any, supervisor_pid: Any, proc_state: Any, eventually: Any, state: Path
) -> None:
    """Processes that belong to nobody any more are found from the state on disk; the fixture checks."""
    target = build.target(
        {"one": build.service("--children", "2"), "two": build.service("--deaf")}, links=(("one", "two"),)
    )
    platform = up(target)
    service_control(platform.control()).pause("one")
    kill_hard(supervisor_pid(), proc_state, eventually)
    platform.down()
    assert not (state / "embedded/corner-shop/data").exists()


def test_down_with_a_supervisor_that_hangs(build: Any, up: Any, supervisor_pid: Any, state: Path) -> None:
    """It is not waited for, for ever."""
    platform = up(build.target({"one": build.service()}))
    os.kill(supervisor_pid(), signal.SIGSTOP)
    platform.down()
    assert not (state / "embedded/corner-shop/data").exists()


def test_a_supervisor_whose_caller_is_killed_while_it_takes_down(
    build: Any, up: Any, supervisor_pid: Any, proc_state: Any, eventually: Any, state: Path
) -> None:
    """It ends all the same: nobody else comes to end it."""
    up(build.target({"one": build.service("--deaf")}))
    pid = supervisor_pid()
    caller = Connection(state / "embedded/corner-shop/control.sock")
    caller.ask(Request(verb="down"))
    caller.close()
    eventually(lambda: proc_state(pid) in ("", "Z"))


def test_the_fault_proxy_is_restarted(build: Any, up: Any, ask: Any, eventually: Any, kill9: Any) -> None:
    """With the same ports and the same proxies, without toxics; the restart is counted and logged."""
    services = {"back": build.service(), "front": build.service()}
    platform = up(build.target(services, links=(("front", "back"),)))

    def proxy() -> Any:
        return next(status.instance for status in platform.statuses() if status.instance.name == "fault-proxy")

    def proxies() -> Any:
        with urllib.request.urlopen(f"http://{platform.proxy_api}/proxies", timeout=5) as answer:
            return json.load(answer)

    before, listed = proxy(), proxies()
    assert list(listed) == ["front -> back"]
    toxic = json.dumps({"name": "t", "type": "latency", "attributes": {"latency": 1}}).encode()
    address = f"http://{platform.proxy_api}/proxies/front%20-%3E%20back/toxics"
    urllib.request.urlopen(address, data=toxic, timeout=5).close()
    assert proxies()["front -> back"]["toxics"]
    kill9(before.pid)
    after = eventually(lambda: (now := proxy()).restarts == 1 and now.healthy and now)
    assert after.pid != before.pid
    assert proxies() == listed
    assert ask(platform.proxy("front -> back").listen)["pid"] == platform.instance("back").pid
    assert any("its toxics are gone" in line for line in platform.logs("supervisor"))


def test_the_fault_proxy_outlives_the_supervisor(
    build: Any, up: Any, supervisor_pid: Any, proc_state: Any, eventually: Any
) -> None:
    """Its toxics stay: it is not restarted."""
    services = {"back": build.service(), "front": build.service()}
    platform = up(build.target(services, links=(("front", "back"),)))
    pid = next(s.instance.pid for s in platform.statuses() if s.instance.name == "fault-proxy")
    kill_hard(supervisor_pid(), proc_state, eventually)
    after = next(s.instance for s in platform.statuses() if s.instance.name == "fault-proxy")
    assert (after.pid, after.restarts, after.healthy) == (pid, 0, True)


def test_an_idle_supervisor_costs_nothing(build: Any, up: Any, supervisor_pid: Any) -> None:
    """It waits for events and polls nothing."""
    up(build.target({"one": build.service(), "two": build.service()}))
    pid = supervisor_pid()

    def cpu_s() -> float:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS_PER_S

    before = cpu_s()
    time.sleep(3)
    assert cpu_s() - before <= 0.03


def test_a_second_supervisor_leaves_at_once(build: Any, up: Any, supervisor_pid: Any, state: Path) -> None:
    """Two callers that both find it dead start two, and one remains."""
    from chaos.platforms.embedded.launch import launch
    from chaos.platforms.embedded.layout import Folder

    target = build.target({"one": build.service()})
    platform = up(target)
    first = supervisor_pid()
    launch(Folder.of(target.name))
    time.sleep(1)
    assert supervisor_pid() == first
    assert platform.instance("one").restarts == 0
    assert EmbeddedPlatform.attach(target) is not None
