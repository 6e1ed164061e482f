"""`rate`."""

from __future__ import annotations

import pytest
from docker_project import PORT, Project

from chaos import faults
from chaos.errors import Unavailable
from chaos.faults.rate import Rate
from chaos.platforms.compose.agent import Agent
from chaos.units import Bytes

FETCH = (
    "import time, socket; s = socket.create_connection(('db', {})); b = time.monotonic(); n = 0\n"
    "s.sendall(b'GET / HTTP/1.1\\r\\nHost: db\\r\\n\\r\\n' * 3000); s.settimeout(1)\n"
    "while time.monotonic() - b < 2: n += len(s.recv(65536))\n"
    "print(n / (time.monotonic() - b))"
)


@pytest.mark.parametrize("per_second", [9_000, 6_000_000])
def test_a_rate_that_cannot_be_confirmed_is_refused(per_second: float) -> None:
    """Hardly a packet, or more than a measurement sends."""
    with pytest.raises(ValueError, match="between 10KB and 5MB"):
        Rate(per_second=Bytes(per_second))


@pytest.mark.docker
@pytest.mark.integration
def test_a_clients_bytes_come_at_that_rate(containers: Project) -> None:
    """What a TCP connection of the service's neighbour gets is no more than the rate."""
    platform = containers.platform()
    fault = Rate(per_second=Bytes(50_000))
    undo = fault.prepare("db", platform)
    try:
        fault.inject(undo, platform)
        code, said = containers.exec(containers.container_name("web"), ["python3", "-c", FETCH.format(PORT)])
        assert code == 0, said
        # Headers of IP and TCP are counted by the queue, and not here.
        assert 15_000 < float(said) < 60_000
    finally:
        faults.revert(undo)


@pytest.mark.docker
@pytest.mark.integration
def test_somebody_elses_queue_is_left_alone(containers: Project) -> None:
    """It would be lost: refused, and still there."""
    platform = containers.platform()
    pid = str(containers.inspect("cache")["State"]["Pid"])
    inside = ["nsenter", "-t", pid, "-n", "tc", "qdisc"]
    theirs = ["dev", "eth0", "root", "tbf", "rate", "1gbit", "burst", "100kb", "latency", "50ms"]
    agent = Agent(containers.engine, containers.name)
    assert agent.run([*inside, "add", *theirs])[0] == 0
    try:
        with pytest.raises(Unavailable, match="its device eth0 has a queue of somebody else's"):
            Rate(per_second=Bytes(50_000)).prepare("cache", platform)
        assert "tbf" in agent.run([*inside, "show"])[1]
    finally:
        assert agent.run([*inside, "del", "dev", "eth0", "root"])[0] == 0
