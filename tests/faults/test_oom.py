"""`oom`."""

from __future__ import annotations

import pytest
from docker_project import Project
from dockerfixtures import snapshot

from chaos import faults
from chaos.errors import Unavailable
from chaos.faults.oom import Oom

pytestmark = [pytest.mark.integration, pytest.mark.docker]


def test_the_kernel_kills_the_main_process_and_the_restart_policy_acts(containers: Project) -> None:
    """The engine's own event says that it was for want of memory; afterwards nothing of it is left."""
    platform = containers.platform()
    before = containers.inspect("db")
    cache = snapshot(containers, "cache")
    fault = Oom()
    undo = fault.prepare("db", platform)
    fault.inject(undo, platform)
    evidence = fault.confirm(undo, platform)
    assert evidence.confirmed, evidence.text
    assert "for want of memory" in evidence.text
    faults.revert(undo)
    now = containers.inspect("db")
    assert now["RestartCount"] == before["RestartCount"] + 1
    assert now["HostConfig"] == before["HostConfig"]
    assert platform.instance("db").healthy
    assert snapshot(containers, "cache") == cache


def test_a_main_process_that_ends_otherwise_is_not_confirmed(containers: Project) -> None:
    """Somebody restarts it meanwhile: that was no want of memory."""
    platform = containers.platform()
    fault = Oom()
    undo = fault.prepare("cache", platform)
    containers.engine.client.api.restart(containers.container_name("cache"), timeout=1)
    containers.wait_ready(containers.container_name("cache"))
    evidence = fault.confirm(undo, platform)
    assert not evidence.confirmed
    assert evidence.text.endswith("ended, but not for want of memory; running again")
    faults.revert(undo)


def test_memory_without_a_limit_is_refused(containers: Project) -> None:
    """It would be the machine's."""
    with pytest.raises(Unavailable, match=r"its memory is not limited; without a limit"):
        Oom().prepare("bare", containers.platform())
