"""`docker exec`, with an end."""

from __future__ import annotations

import sys
import threading
import time
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2]))

from docker_project import Spec, running

from chaos.errors import Unavailable
from chaos.platforms.compose import agent
from chaos.platforms.compose.execute import output

pytestmark = [pytest.mark.integration, pytest.mark.docker]


def test_what_never_answers_is_not_waited_for() -> None:
    """A command whose output does not end looks from here like an engine that hangs, and like a cut network."""
    with running({"web": Spec()}) as project:
        api, web = project.engine.client.api, project.container_name("web")
        both = api.exec_create(web, ["sh", "-c", "echo out; echo err >&2"])
        assert output(project.engine, web, both["Id"], 10.0) == ("out\n", "err\n")
        endless = api.exec_create(web, ["sleep", "60"])
        began_s = time.monotonic()
        with pytest.raises(Unavailable, match="did not answer within 1 s"):
            output(project.engine, web, endless["Id"], 1.0)
        assert time.monotonic() - began_s < 5
        project.engine.ping()


def test_what_was_done_in_a_container_that_is_killed_is_not_waited_for() -> None:
    """Docker 20.10 never ends the output of a command in a container that shares the machine's processes, as the agent
    does, when it is killed: a lease would run out meanwhile."""
    with running({"web": Spec()}) as project:
        api, ours = project.engine.client.api, agent.ensure(project.engine, project.name)
        endless = api.exec_create(ours, ["sleep", "60"])
        killer = threading.Timer(0.5, api.kill, (ours,))
        killer.start()
        with pytest.raises(Unavailable, match="the container ended"):
            output(project.engine, ours, endless["Id"], 60.0)
        killer.join()
