"""Our own container beside the target."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2]))

from docker_project import Spec, running

from chaos.platforms.compose import agent

pytestmark = [pytest.mark.integration, pytest.mark.docker]
AT_ONCE = 8


def test_all_who_need_it_at_once_get_the_same_one() -> None:
    """Several places are reverted at the same time, and it may be gone by then."""
    with running({"web": Spec()}) as project, ThreadPoolExecutor(AT_ONCE) as pool:
        found = set(pool.map(lambda _: agent.ensure(project.engine, project.name), range(AT_ONCE)))
        assert found == {agent.find(project.engine, project.name)}
