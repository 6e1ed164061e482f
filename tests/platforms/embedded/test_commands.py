"""What can be done to one service of a target that is up."""

from __future__ import annotations

import os
import socket
import time
from pathlib import Path
from typing import Any

import pytest

from chaos import faults
from chaos.errors import Unavailable
from chaos.faults.pause import Pause
from chaos.faults.shared import process
from chaos.model.target import Restart
from chaos.platforms import service_control
from chaos.platforms.embedded.launch import Gone
from chaos.units import Duration

pytestmark = pytest.mark.integration


def note(platform: Any, name: str) -> str:
    return str(next(status.note for status in platform.statuses() if status.instance.name == name))


def test_a_crash_is_followed_by_a_restart(build: Any, up: Any, ask: Any, eventually: Any) -> None:
    """The process dies by SIGKILL, and the restart policy brings another one with the same ports."""
    platform = up(build.target({"one": build.service()}))
    control = service_control(platform.control())
    before = control.instance("one")
    control.crash("one")
    after = eventually(lambda: (now := control.instance("one")).state == "running" and now)
    assert after.pid != before.pid
    assert after.restarts == 1
    assert after.address == before.address
    assert ask(after.address)["pid"] == after.pid


def test_a_crash_from_outside_too(build: Any, up: Any, eventually: Any, kill9: Any) -> None:
    """Whoever killed it."""
    platform = up(build.target({"one": build.service()}))
    kill9(platform.instance("one").pid)
    eventually(lambda: platform.instance("one").restarts == 1 and platform.instance("one").healthy)


def test_many_crashes_on_purpose_are_not_a_failure(build: Any, up: Any, eventually: Any) -> None:
    """An experiment may crash a service as often as it likes: what was injected is not held against it."""
    platform = up(build.target({"one": build.service()}))
    control = service_control(platform.control())
    for times in range(1, 8):
        control.crash("one")
        eventually(lambda times=times: (now := control.instance("one")).restarts == times and now.healthy)


@pytest.mark.parametrize("how", ["crash", "outside"])
def test_orphans_do_not_stop_the_restart(
    how: str, build: Any, up: Any, ask: Any, eventually: Any, proc_state: Any, kill9: Any
) -> None:
    """Children in other sessions, with empty environments, that hold the port are gone before the next start."""
    platform = up(build.target({"one": build.service("--children", "2", "--share-port")}))
    before = platform.instance("one")
    children = ask(before.address)["children"]
    if how == "crash":
        service_control(platform.control()).crash("one")
    else:
        kill9(before.pid)
    after = eventually(lambda: (now := platform.instance("one")).healthy and now.restarts and now)
    assert ask(after.address)["pid"] == after.pid
    assert all(proc_state(child) in ("", "Z") for child in children)


def test_kill_holds_it_down(build: Any, up: Any, ask: Any, proc_state: Any) -> None:
    """All its processes die, and it stays down until it is started."""
    platform = up(build.target({"one": build.service("--children", "2", restart=Restart(policy="always"))}))
    control = service_control(platform.control())
    about = ask(control.instance("one").address)
    control.kill("one")
    assert all(proc_state(pid) in ("", "Z") for pid in (about["pid"], *about["children"]))
    time.sleep(0.7)  # longer than its backoff
    down = control.instance("one")
    assert (down.state, down.healthy, down.pid) == ("stopped", False, None)
    control.kill("one")
    control.start("one")
    assert control.instance("one").healthy
    control.start("one")
    assert control.instance("one").restarts == 0


def test_stop_asks_first(build: Any, up: Any, eventually: Any, state: Path) -> None:
    """One that hears SIGTERM goes; one that does not is killed once its time is over. Both stay down."""
    services = {"nice": build.service(), "deaf": build.service("--deaf", stop_within=Duration(0.5))}
    platform = up(build.target(services))
    control = service_control(platform.control())
    for name, least_s in (("nice", 0.0), ("deaf", 0.5)):
        begun = time.monotonic()
        control.stop(name)
        assert time.monotonic() - begun >= least_s
        assert control.instance(name).state == "stopped"
        assert note(platform, name) == "stopped"


def test_restart_is_a_stop_and_a_start(build: Any, up: Any) -> None:
    """Another process, ready when the call returns; not counted among the restarts of the policy."""
    platform = up(build.target({"one": build.service()}))
    control = service_control(platform.control())
    before = control.instance("one").pid
    control.restart("one")
    after = control.instance("one")
    assert after.healthy
    assert (after.pid, after.restarts) != (before, 0)
    assert after.restarts == 0


def test_pause_freezes_all_and_nothing_is_restarted(build: Any, up: Any, ask: Any, proc_state: Any) -> None:
    """Every process of the service stands still, in whatever session; all go on afterwards, the same ones."""
    platform = up(build.target({"one": build.service("--children", "2")}))
    control = service_control(platform.control())
    about = ask(control.instance("one").address)
    pids = (about["pid"], *about["children"])
    control.pause("one")
    control.pause("one")
    assert [proc_state(pid) for pid in pids] == ["T", "T", "T"]
    paused = control.instance("one")
    assert (paused.state, paused.healthy, paused.pid) == ("paused", False, about["pid"])
    control.unpause("one")
    control.unpause("one")
    assert "T" not in [proc_state(pid) for pid in pids]
    after = control.instance("one")
    assert (after.state, after.healthy, after.pid, after.restarts) == ("running", True, about["pid"], 0)


def test_a_pause_that_somebody_else_ended_is_not_in_place(build: Any, up: Any, proc_state: Any) -> None:
    """The platform believes that it is paused; its processes know better, and a revert puts the belief right."""
    platform = up(build.target({"one": build.service("--children", "1")}))
    fault = Pause()
    undo = fault.prepare("one", platform)
    fault.inject(undo, platform)
    assert faults.is_present(undo)
    for one in process.tree(undo.data["before"]["pid"]):
        process.resume(one)
    assert platform.instance("one").state == "paused"
    assert not faults.is_present(undo)
    faults.revert(undo)
    assert platform.instance("one").state == "running"


def test_who_dies_while_paused_is_restarted_when_it_goes_on(build: Any, up: Any, eventually: Any, kill9: Any) -> None:
    """Not before: paused means that nothing happens."""
    platform = up(build.target({"one": build.service()}))
    control = service_control(platform.control())
    control.pause("one")
    kill9(control.instance("one").pid)
    time.sleep(0.5)
    assert control.instance("one").state == "paused"
    control.unpause("one")
    eventually(lambda: control.instance("one").healthy)


@pytest.mark.parametrize("verb", ["stop", "kill", "restart", "start"])
def test_paused_ones_obey_too(verb: str, build: Any, up: Any) -> None:
    """A frozen process does not hear SIGTERM by itself."""
    platform = up(build.target({"one": build.service()}))
    control = service_control(platform.control())
    control.pause("one")
    getattr(control, verb)("one")
    assert control.instance("one").state == ("stopped" if verb in ("stop", "kill") else "running")


def test_down_of_a_paused_target(build: Any, up: Any) -> None:
    """It goes down, and quickly."""
    platform = up(build.target({"one": build.service("--children", "1"), "two": build.service("--deaf")}))
    control = service_control(platform.control())
    control.pause("one")
    control.pause("two")
    begun = time.monotonic()
    platform.down()
    assert time.monotonic() - begun < 8  # the goal is under 3 s; this machine may be busy
    with pytest.raises(Gone, match="not up"):
        control.instance("one")


@pytest.mark.parametrize(("policy", "state"), [("never", "stopped"), ("on-failure", "running"), ("always", "running")])
def test_the_policy_decides(policy: Any, state: str, build: Any, up: Any, eventually: Any) -> None:
    """`never` leaves a crashed service down, and says so."""
    restart = Restart(policy=policy, backoff=Duration(0.05))
    platform = up(build.target({"one": build.service(restart=restart)}))
    service_control(platform.control()).crash("one")
    eventually(lambda: (now := platform.instance("one")).state == state and (now.restarts or policy == "never"))
    if policy == "never":
        assert note(platform, "one") == "ended with signal 9; its restart policy is never"


def test_one_that_dies_again_and_again_has_failed(
    build: Any, up: Any, eventually: Any, tmp_path: Path, kill9: Any
) -> None:
    """The pauses grow, and then it is left alone, until somebody starts it."""
    obstacle = tmp_path / "obstacle"
    platform = up(build.target({"one": build.service("--dies-while", str(obstacle))}))
    control = service_control(platform.control())
    obstacle.touch()
    kill9(control.instance("one").pid)
    eventually(lambda: control.instance("one").state == "failed")
    assert "5 quick deaths in a row" in note(platform, "one")
    with pytest.raises(Unavailable, match="one does not run: it is failed"):
        control.start("one")
    obstacle.unlink()
    control.start("one")
    assert control.instance("one").healthy


def test_a_port_that_somebody_took(build: Any, up: Any) -> None:
    """One line that names the port and its holder; the service starts once it is free."""
    platform = up(build.target({"one": build.service(start_within=Duration(1.5))}))
    control = service_control(platform.control())
    control.stop("one")
    host, port = control.instance("one").address.split(":")
    with socket.socket() as thief:
        thief.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        thief.bind((host, int(port)))
        thief.listen()
        with pytest.raises(Unavailable, match="one"):
            control.start("one")
        assert f"port 127.0.0.1:{port} is taken by pid {os.getpid()}" in note(platform, "one")
        assert "\n" not in note(platform, "one")
    control.start("one")
    assert control.instance("one").healthy


def test_what_cannot_be_done_is_said(build: Any, up: Any) -> None:
    """A crash or a pause needs a process; a name must be the target's."""
    platform = up(build.target({"one": build.service(), "many": build.service()}, slots={"many": (1, 2)}))
    control = service_control(platform.control())
    control.stop("one")
    for verb in ("crash", "pause"):
        with pytest.raises(Unavailable, match="one is stopped"):
            getattr(control, verb)("one")
    control.unpause("one")
    assert control.instance("one").state == "stopped"
    for name in ("two", "", "fault-proxy"):
        with pytest.raises(KeyError):
            control.kill(name)
    control.kill("many-2")
    assert control.instance("many-2").state == "spare"


def test_scaling(build: Any, up: Any) -> None:
    """The first so many slots run, the others are spare; never more than were declared."""
    platform = up(build.target({"web": build.service()}, slots={"web": (1, 3)}))

    def states() -> list[str]:
        return [one.state for one in platform.inventory().instances.values()]

    assert states() == ["running", "spare", "spare"]
    platform.scale("web", 3)
    assert states() == ["running"] * 3
    assert all(one.healthy for one in platform.inventory().instances.values())
    platform.scale("web", 2)
    assert states() == ["running", "running", "spare"]
    with pytest.raises(Unavailable, match="web has 3 slots"):
        platform.scale("web", 4)
    with pytest.raises(KeyError, match="wb"):
        platform.scale("wb", 1)


def test_an_undo_of_a_former_life_is_not_applied(build: Any, up: Any) -> None:
    """The target was taken down and brought up again: what was recorded before is not about this one."""
    target = build.target({"one": build.service()})
    old = up(target)
    control = service_control(old.control())
    old.down()
    new = up(target)
    with pytest.raises(Gone, match="brought up anew"):
        control.kill("one")
    assert new.instance("one").healthy
