"""`isolate`."""

from __future__ import annotations

import pytest
from docker_project import PORT, Project, Spec, running
from dockerfixtures import snapshot

from chaos import faults
from chaos.errors import Unavailable
from chaos.faults.isolate import Isolate
from chaos.faults.loss import Loss
from chaos.platforms.compose import agent
from chaos.units import Ratio

pytestmark = [pytest.mark.integration, pytest.mark.docker]
ASK = "import urllib.request as u; u.urlopen('http://{}:{}/', timeout=1).read()"
# Keeps one connection, and says line by line whether it still carries anything.
KEEP = """
import http.client, sys, time
c = http.client.HTTPConnection("db", 8000, timeout=1)
c.request("GET", "/"); c.getresponse().read()
open("/tmp/kept", "w").close()
while not __import__("os").path.exists("/tmp/go"): time.sleep(0.02)
try:
    c.request("GET", "/"); c.getresponse().read(); sys.exit(0)
except OSError: sys.exit(7)
"""


def answers(project: Project, client: str, address: str) -> bool:
    code, _ = project.exec(project.container_name(client), ["python3", "-c", ASK.format(address, PORT)])
    return code == 0


@pytest.mark.parametrize("direction", ["both", "in", "out"])
def test_nobody_reaches_it_and_it_reaches_nobody(direction: str, containers: Project) -> None:
    """One way is enough to cut a conversation. Inside it, loopback still answers; its neighbours are not touched."""
    platform = containers.platform()
    before = snapshot(containers, "cache")
    fault = Isolate(direction=direction)  # type: ignore[arg-type]
    undo = fault.prepare("db", platform)
    try:
        fault.inject(undo, platform)
        assert fault.confirm(undo, platform).text == "0 of 30 packets from web answered (before: 30)"
        assert not answers(containers, "web", "db")
        assert not answers(containers, "db", "cache")
        assert answers(containers, "db", "127.0.0.1")
        assert answers(containers, "web", "cache")
        assert snapshot(containers, "cache") == before
    finally:
        faults.revert(undo)
    assert answers(containers, "web", "db")


def test_open_connections_are_cut_too(containers: Project) -> None:
    """A pool of the day before yesterday is no way around it."""
    platform = containers.platform()
    web = containers.engine.client.containers.get(containers.container_name("web"))
    api = containers.engine.client.api
    web.exec_run(["rm", "-f", "/tmp/kept", "/tmp/go"])
    kept = api.exec_create(web.id, ["python3", "-c", KEEP])
    api.exec_start(kept["Id"], detach=True)
    while web.exec_run(["test", "-e", "/tmp/kept"]).exit_code:
        assert api.exec_inspect(kept["Id"])["Running"]
    fault = Isolate()
    undo = fault.prepare("db", platform)
    try:
        fault.inject(undo, platform)
        web.exec_run(["touch", "/tmp/go"])
        while api.exec_inspect(kept["Id"])["Running"]:
            pass
        assert api.exec_inspect(kept["Id"])["ExitCode"] == 7
    finally:
        faults.revert(undo)


def test_two_faults_on_one_service_do_not_remove_each_other(containers: Project) -> None:
    """Each has rules of its own, whichever goes first."""
    platform = containers.platform()
    before = snapshot(containers, "db")
    cut, lossy = Isolate(direction="in"), Loss(ratio=Ratio(0.3))
    first, second = cut.prepare("db", platform), lossy.prepare("db", platform)
    try:
        cut.inject(first, platform)
        lossy.inject(second, platform)
        faults.revert(first)
        assert not faults.is_present(first)
        assert faults.is_present(second)
        assert lossy.confirm(second, platform).confirmed
    finally:
        faults.revert(second)
        faults.revert(first)
    assert snapshot(containers, "db") == before


def test_a_restarted_container_is_not_isolated(containers: Project) -> None:
    """Its network is a new one; what was in the old one is gone, and reverting it is no error."""
    platform = containers.platform()
    fault = Isolate()
    undo = fault.prepare("cache", platform)
    fault.inject(undo, platform)
    assert faults.is_present(undo)
    containers.engine.client.api.restart(containers.container_name("cache"), timeout=1)
    containers.wait_ready(containers.container_name("cache"))
    assert not faults.is_present(undo)
    faults.revert(undo)
    assert not fault.confirm(undo, platform).confirmed


def test_a_network_that_is_the_machines_is_refused() -> None:
    """There, a rule would cut off everybody."""
    sleeps = ("python3", "-c", "import time; time.sleep(600)")
    specs = {"web": Spec(command=sleeps), "agent": Spec(network_mode="host", command=sleeps)}
    refused = pytest.raises(Unavailable, match="it is in the machine's own network")
    with running(specs) as project, refused:
        Isolate().prepare("agent", project.platform())


def test_another_project_is_never_touched(containers: Project) -> None:
    """The same image, the same names of services, the same machine: a decoy keeps all it has."""
    with running({"web": Spec(), "db": Spec()}) as decoy:
        before = [snapshot(decoy, name) for name in ("web", "db")]
        fault, platform = Isolate(), containers.platform()
        undo = fault.prepare("db", platform)
        try:
            fault.inject(undo, platform)
            assert fault.confirm(undo, platform).confirmed
            assert answers(decoy, "web", "db")
            assert [snapshot(decoy, name) for name in ("web", "db")] == before
        finally:
            faults.revert(undo)
        assert [snapshot(decoy, name) for name in ("web", "db")] == before


def test_it_is_reverted_though_the_agent_is_gone(containers: Project) -> None:
    """Somebody removed it: another one is started for the revert. The rules are the kernel's, and were still there."""
    platform = containers.platform()
    fault = Isolate()
    undo = fault.prepare("db", platform)
    fault.inject(undo, platform)
    try:
        agent.remove(containers.engine, containers.name)
        assert faults.is_present(undo)
        agent.remove(containers.engine, containers.name)
    finally:
        faults.revert(undo)
    assert answers(containers, "web", "db")


def test_a_container_that_was_removed_is_not_isolated() -> None:
    """Its network went with it; reverting is no error, and its successor is not touched."""
    with running({"web": Spec(), "db": Spec()}) as project:
        platform, fault = project.platform(), Isolate()
        undo = fault.prepare("db", platform)
        fault.inject(undo, platform)
        project.engine.client.api.remove_container(project.container_name("db"), force=True)
        assert not faults.is_present(undo)
        faults.revert(undo)
