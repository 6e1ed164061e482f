"""Our own container beside the target."""

from __future__ import annotations

import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2]))

from docker_project import Spec, running
from msgspec import structs

from chaos.errors import Unavailable
from chaos.faults.pause import Pause
from chaos.model.lease import Lease
from chaos.platforms.compose import agent, image, keeper

pytestmark = [pytest.mark.integration, pytest.mark.docker]
AT_ONCE = 8


def test_all_who_need_it_at_once_get_the_same_one() -> None:
    """Several places are reverted at the same time, and it may be gone by then."""
    with running({"web": Spec()}) as project, ThreadPoolExecutor(AT_ONCE) as pool:
        found = set(pool.map(lambda _: agent.ensure(project.engine, project.name), range(AT_ONCE)))
        assert found == {agent.find(project.engine, project.name)}


def test_one_that_keeps_anothers_lease_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    """A run of another user or another machine ends first, or has another version: it does not take away what would
    revert for the one that goes on."""
    with running({"web": Spec()}) as project:
        engine, reach = project.engine, keeper.reach_of(project.platform().control())
        keeper.renew(reach, Lease(id="another", ttl_s=60))
        mine = agent.find(engine, project.name)
        project.platform().release()
        assert agent.find(engine, project.name) == mine
        monkeypatch.setattr(image, "tag", lambda: "saleproof-agent:of-another-version")
        monkeypatch.setattr(image, "ensure", lambda engine: "saleproof-agent:of-another-version")
        with pytest.raises(Unavailable, match="an agent of another version"):
            agent.ensure(engine, project.name)
        monkeypatch.undo()
        keeper.release(reach, "another")
        project.platform().release()
        assert agent.find(engine, project.name) is None


def test_what_ran_out_is_reverted_before_it_goes() -> None:
    """Its runner may be a laptop that sleeps: nobody else is there to let the container go on."""
    with running({"web": Spec()}) as project:
        platform, fault = project.platform(), Pause()
        reach = keeper.reach_of(platform.control())
        keeper.renew(reach, Lease(id="asleep", ttl_s=1.0))
        undo = structs.replace(fault.prepare("web", platform), lease="asleep")
        keeper.entrust(reach, undo)
        fault.inject(undo, platform)
        until_s = time.monotonic() + 20
        while agent.find(project.engine, project.name) and time.monotonic() < until_s:
            platform.release()
        assert project.inspect("web")["State"]["Status"] == "running"
        assert agent.find(project.engine, project.name) is None
