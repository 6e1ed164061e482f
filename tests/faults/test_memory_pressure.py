"""`memory-pressure`."""

from __future__ import annotations

import pytest
from docker_project import Project

from chaos import faults
from chaos.errors import Unavailable
from chaos.faults.memory_pressure import MemoryPressure
from chaos.units import Bytes

pytestmark = [pytest.mark.integration, pytest.mark.docker]


def test_the_service_is_pressed_and_not_killed(containers: Project) -> None:
    """What is left is what was asked for; who then wants more drives out ours first."""
    platform = containers.platform()
    fault = MemoryPressure(leave=Bytes(16e6))
    undo = fault.prepare("db", platform)
    try:
        fault.inject(undo, platform)
        evidence = fault.confirm(undo, platform)
        assert evidence.confirmed, evidence.text
        assert evidence.measured is not None
        assert 12e6 < evidence.measured < 20e6
        assert platform.instance("db").healthy
        take = "b = bytearray(50_000_000); b[::4096] = b'x' * len(b[::4096]); print(len(b))"
        assert containers.exec(containers.container_name("db"), ["python3", "-c", take])[0] == 0
        assert platform.instance("db").life == undo.data["before"]["life"]
    finally:
        faults.revert(undo)


def test_memory_without_a_limit_is_refused(containers: Project) -> None:
    """It would be the machine's."""
    with pytest.raises(Unavailable, match="its memory is not limited"):
        MemoryPressure().prepare("bare", containers.platform())
