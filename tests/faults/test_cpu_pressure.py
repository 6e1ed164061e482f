"""`cpu-pressure`."""

from __future__ import annotations

import time

import pytest
from docker_project import Project

from chaos import faults
from chaos.agent.hog import MODULE
from chaos.faults.cpu_pressure import CpuPressure
from chaos.platforms.compose import agent
from chaos.platforms.compose.agent import Agent


@pytest.mark.parametrize("processes", [0, 65])
def test_a_number_that_makes_no_sense_is_refused(processes: int) -> None:
    """None, or more than any machine of a shop has."""
    with pytest.raises(ValueError, match="it must be between 1 and 64"):
        CpuPressure(processes=processes)


def hogs(project: Project) -> list[str]:
    """All on the machine, whoever's, as `ps` has them."""
    out = Agent(project.engine, project.name).run(["sh", "-c", "cat /proc/[0-9]*/cmdline | tr '\\0' ' '"])[1]
    return [word for word in out.split("python3") if MODULE in word]


@pytest.mark.docker
@pytest.mark.integration
def test_its_processes_are_in_the_services_cgroup(containers: Project) -> None:
    """Two, and one that waits for the end of them; all of them end with the fault."""
    platform = containers.platform()
    fault = CpuPressure(processes=2)
    undo = fault.prepare("db", platform)
    try:
        fault.inject(undo, platform)
        found = Agent(containers.engine, containers.name).call(
            "hog", platform._control.container("db"), action="there", mark=undo.data["mark"]
        )
        assert found == 3
        assert fault.confirm(undo, platform).confirmed
    finally:
        faults.revert(undo)
    assert not any(undo.data["mark"] in one for one in hogs(containers))


@pytest.mark.docker
@pytest.mark.integration
def test_they_end_with_the_agent(containers: Project) -> None:
    """Somebody removes it by hand: nothing of ours goes on."""
    platform = containers.platform()
    fault = CpuPressure(processes=1)
    undo = fault.prepare("db", platform)
    try:
        fault.inject(undo, platform)
        agent.remove(containers.engine, containers.name)
        until_s = time.monotonic() + 10
        while any(undo.data["mark"] in one for one in hogs(containers)):
            assert time.monotonic() < until_s, "they go on"
            time.sleep(0.1)
        assert not faults.is_present(undo)
    finally:
        faults.revert(undo)


@pytest.mark.docker
@pytest.mark.integration
def test_they_end_with_the_container(containers: Project) -> None:
    """And do not hold up its restart."""
    platform = containers.platform()
    fault = CpuPressure(processes=1)
    undo = fault.prepare("cache", platform)
    try:
        fault.inject(undo, platform)
        containers.engine.client.api.restart(containers.container_name("cache"), timeout=1)
        containers.wait_ready(containers.container_name("cache"))
        assert not faults.is_present(undo)
        assert not any(undo.data["mark"] in one for one in hogs(containers))
    finally:
        faults.revert(undo)
