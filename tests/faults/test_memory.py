"""`memory`."""

from __future__ import annotations

import pytest
from docker_project import Project
from dockerfixtures import snapshot

from chaos import faults
from chaos.errors import Unavailable
from chaos.faults.memory import Memory
from chaos.units import Bytes

# 40 MB, every page written to; the kernel kills it where that is not to be had.
TAKE = "b = bytearray(40_000_000); b[::4096] = b'x' * len(b[::4096]); print(len(b))"


def test_a_limit_that_nothing_runs_in_is_refused() -> None:
    """Whole bytes, and some of them."""
    with pytest.raises(ValueError, match="limit is 1MB; it must be a whole number of bytes, at least 4MB"):
        Memory(limit=Bytes(1e6))


@pytest.mark.docker
@pytest.mark.integration
@pytest.mark.parametrize("service", ["db", "bare"])
def test_more_than_the_limit_is_not_to_be_had(service: str, containers: Project) -> None:
    """Before and after it is; and what it had, a limit or none, is there again."""
    platform = containers.platform()
    before = snapshot(containers, service)
    name = containers.container_name(service)
    fault = Memory(limit=Bytes(32e6))
    undo = fault.prepare(service, platform)
    assert containers.exec(name, ["python3", "-c", TAKE])[0] == 0
    try:
        fault.inject(undo, platform)
        assert fault.confirm(undo, platform).confirmed
        assert containers.exec(name, ["python3", "-c", TAKE])[0] == 137
    finally:
        faults.revert(undo)
    assert containers.exec(name, ["python3", "-c", TAKE])[0] == 0
    assert snapshot(containers, service)[0] == before[0]
    assert snapshot(containers, service)[4] == before[4]


@pytest.mark.docker
@pytest.mark.integration
@pytest.mark.parametrize(
    ("limit", "says"), [(5e6, "would be killed at once; that is another fault: `oom`"), (200e6, "would do nothing")]
)
def test_limits_that_kill_or_do_nothing_are_refused(limit: float, says: str, containers: Project) -> None:
    """`db` uses more than 5 MB and has a limit of 96 MiB."""
    with pytest.raises(Unavailable, match=says):
        Memory(limit=Bytes(limit)).prepare("db", containers.platform())
