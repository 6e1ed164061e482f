"""`cpu`."""

from __future__ import annotations

import pytest
from docker_project import Project
from dockerfixtures import snapshot

from chaos import faults
from chaos.errors import Unavailable
from chaos.faults.cpu import Cpu, cores_of

# How much processor time a busy loop of half a second gets, as the service's own process sees it.
LOOP = """
import time
began = time.monotonic()
while time.monotonic() - began < 0.5: pass
print(time.process_time() / 0.5)
"""


@pytest.mark.parametrize("cores", [0.0, 0.001, -1.0, float("inf"), float("nan")])
def test_cores_that_make_no_sense_are_refused(cores: float) -> None:
    """The kernel takes no less than a hundredth."""
    with pytest.raises(ValueError, match=r"it must be at least 0\.01"):
        Cpu(cores=cores)


def test_cores_are_counted_by_quota_and_period() -> None:
    """And are never more than the machine has."""
    assert cores_of({"processors": 2, "quota_us": 50_000, "period_us": 100_000}) == 0.5
    assert cores_of({"processors": 2, "quota_us": -1, "period_us": 100_000}) == 2
    assert cores_of({"processors": 2, "quota_us": 900_000, "period_us": 100_000}) == 2


@pytest.mark.docker
@pytest.mark.integration
@pytest.mark.parametrize("service", ["db", "cache", "bare"])
def test_whatever_limit_it_had_is_there_again(service: str, containers: Project) -> None:
    """By `cpus:`, by a quota, or none: the cgroup and the engine's words are what they were."""
    platform = containers.platform()
    before = snapshot(containers, service)
    fault = Cpu(cores=0.05)
    undo = fault.prepare(service, platform)
    try:
        fault.inject(undo, platform)
        code, got = containers.exec(containers.container_name(service), ["python3", "-c", LOOP])
        assert code == 0
        assert float(got) < 0.15
        evidence = fault.confirm(undo, platform)
        assert evidence.confirmed, evidence.text
    finally:
        faults.revert(undo)
    assert snapshot(containers, service) == before


@pytest.mark.docker
@pytest.mark.integration
def test_a_limit_that_is_none_is_refused(containers: Project) -> None:
    """`cache` has half a core."""
    with pytest.raises(Unavailable, match=r"it has 0\.5 cores already, so a limit of 0\.5 would do nothing"):
        Cpu(cores=0.5).prepare("cache", containers.platform())
