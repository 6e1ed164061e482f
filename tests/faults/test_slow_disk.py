"""`slow-disk`."""

from __future__ import annotations

import pytest
from docker_project import Project
from dockerfixtures import snapshot

from chaos import faults
from chaos.errors import Unavailable
from chaos.faults.slow_disk import SlowDisk
from chaos.units import Bytes

# Seconds until half a megabyte of the service's own is on its disk.
SYNC = (
    "import os, time; f = os.open('/var/own', os.O_CREAT | os.O_WRONLY); b = time.monotonic(); "
    "os.write(f, os.urandom(500_000)); os.fsync(f); print(time.monotonic() - b); os.unlink('/var/own')"
)


@pytest.mark.parametrize("per_second", [49_000, 21_000_000])
def test_a_speed_that_cannot_be_confirmed_is_refused(per_second: float) -> None:
    """Slower than a confirmation can wait, or too near to what disks do."""
    with pytest.raises(ValueError, match="it must be between 50KB and 20MB"):
        SlowDisk(per_second=Bytes(per_second))


@pytest.mark.docker
@pytest.mark.integration
def test_the_services_own_writes_wait(containers: Project) -> None:
    """Half a megabyte at half a megabyte a second; its neighbour's do not."""
    platform = containers.platform()
    before = snapshot(containers, "db")
    fault = SlowDisk(per_second=Bytes(500_000))
    undo = fault.prepare("db", platform)
    try:
        fault.inject(undo, platform)
        code, took_s = containers.exec(containers.container_name("db"), ["python3", "-c", SYNC])
        assert code == 0, took_s
        assert float(took_s) > 0.5
        evidence = fault.confirm(undo, platform)
        assert evidence.confirmed, evidence.text
        assert "500000" not in "\n".join(snapshot(containers, "cache")[4])
    finally:
        faults.revert(undo)
    assert snapshot(containers, "db") == before


@pytest.mark.docker
@pytest.mark.integration
def test_what_is_in_memory_has_no_disk(containers: Project) -> None:
    """Refused, in a sentence."""
    with pytest.raises(Unavailable, match=r"/data is in memory \(tmpfs\), not on a disk"):
        SlowDisk(per_second=Bytes(1e6), path="/data").prepare("db", containers.platform())
