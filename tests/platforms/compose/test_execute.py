"""`docker exec`, with an end."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2]))

from docker_project import Spec, running

from chaos.errors import Unavailable
from chaos.platforms.compose.execute import output

pytestmark = [pytest.mark.integration, pytest.mark.docker]


def test_what_never_answers_is_not_waited_for() -> None:
    """A command whose output does not end looks from here like an engine that hangs, and like a cut network."""
    with running({"web": Spec()}) as project:
        api = project.engine.client.api
        both = api.exec_create(project.container_name("web"), ["sh", "-c", "echo out; echo err >&2"])
        assert output(project.engine, both["Id"], 10.0) == ("out\n", "err\n")
        endless = api.exec_create(project.container_name("web"), ["sleep", "60"])
        began_s = time.monotonic()
        with pytest.raises(Unavailable, match="did not answer within 1 s"):
            output(project.engine, endless["Id"], 1.0)
        assert time.monotonic() - began_s < 5
        project.engine.ping()
