"""Which engine a record is of."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[2]))

from docker_project import Spec, running
from msgspec import structs

from chaos import faults
from chaos.errors import Refused
from chaos.faults.isolate import Isolate
from chaos.faults.pause import Pause

pytestmark = [pytest.mark.integration, pytest.mark.docker]


@pytest.mark.parametrize("fault", [Pause(), Isolate()], ids=lambda fault: fault.kind)
def test_what_another_engine_does_not_know_of_is_not_gone(fault: Any) -> None:
    """A tunnel leads to another machine today: the record is not closed, for the fault is where it was."""
    with running({"web": Spec(), "db": Spec()}) as project:
        platform = project.platform()
        undo = fault.prepare("db", platform)
        control = undo.data["control"]
        assert control["endpoint"]["id"] == project.engine.info()["ID"]
        elsewhere = control | {"endpoint": control["endpoint"] | {"id": "another"}}
        astray = structs.replace(undo, data=undo.data | {"control": elsewhere})
        fault.inject(undo, platform)
        try:
            for act in (faults.revert, faults.is_present):
                with pytest.raises(Refused, match="was recorded for the engine another"):
                    act(astray)
            assert faults.is_present(undo)
        finally:
            faults.revert(undo)
