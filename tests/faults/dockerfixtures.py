"""A small project of containers as a fixture, one for each test process, and all that a fault could have changed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from docker_project import Project, Spec, running

from chaos.model.target import Link
from chaos.platforms.compose.agent import Agent

# `db` has every limit that a fault may change, `cache` others, `bare` none.
SPECS = {
    "web": Spec(),
    "db": Spec(memory_mb=96, cpus=1.0, restart="on-failure", tmpfs={"/data": "size=8m"}),
    "cache": Spec(memory_mb=96, cpu_quota=50_000, restart="on-failure"),
    "bare": Spec(),
}
LINKS = {"web -> db": Link(source="web", dest="db", protocol="http", path="/healthz")}

# Everything that a fault may touch, in the words of whoever keeps it: the kernel's rules and queues in its network, the
# limits of its cgroup, its files.
LOOK = r"""
nsenter -t "$1" -n nft -s list ruleset
nsenter -t "$1" -n tc qdisc show
cat /proc/$1/oom_score_adj
ls -la --time-style=+ /proc/$1/root/data 2>/dev/null
for file in cpu/docker/$2/cpu.cfs_quota_us cpu/docker/$2/cpu.cfs_period_us memory/docker/$2/memory.limit_in_bytes \
    memory/docker/$2/memory.memsw.limit_in_bytes blkio/docker/$2/blkio.throttle.read_bps_device \
    blkio/docker/$2/blkio.throttle.write_bps_device docker/$2/cpu.max docker/$2/memory.max docker/$2/memory.swap.max \
    docker/$2/io.max system.slice/docker-$2.scope/cpu.max system.slice/docker-$2.scope/memory.max \
    system.slice/docker-$2.scope/memory.swap.max system.slice/docker-$2.scope/io.max; do
  test -e /sys/fs/cgroup/$file && echo $file && cat /sys/fs/cgroup/$file
done
for file in cpu/docker/$2 memory/docker/$2 docker/$2 system.slice/docker-$2.scope; do
  test -e /sys/fs/cgroup/$file/cgroup.procs && wc -l < /sys/fs/cgroup/$file/cgroup.procs
done
true
"""


@pytest.fixture(scope="session")
def containers() -> Iterator[Project]:
    """Every test leaves it as it found it."""
    with running(SPECS, LINKS) as project:
        yield project


def snapshot(project: Project, service: str) -> tuple[Any, ...]:
    """What the engine says of it, and what the kernel does."""
    found = project.inspect(service)
    words = ["bash", "-c", LOOK, "look", str(found["State"]["Pid"]), found["Id"]]
    code, out, err = Agent(project.engine, project.name).run(words)
    assert code == 0, err
    state = {key: found["State"][key] for key in ("Status", "Pid", "StartedAt", "Paused", "OOMKilled")}
    return found["HostConfig"], found["NetworkSettings"], found["Config"], state, out.splitlines()
