"""The same words on both versions of cgroups, read and written in a tree of files as the kernel lays it out."""

from __future__ import annotations

from pathlib import Path

import pytest

from chaos.agent import cpu, disk, memory
from chaos.agent.cgroup import Cgroup
from chaos.errors import Unavailable

ID = "ab12" * 16
NO_LIMIT_V1 = str((1 << 63) - 4096)


class Tree:
    """A machine of one of the versions. `lines` are /proc/PID/cgroup's."""

    def __init__(self, root: Path, lines: str, files: dict[str, str]) -> None:
        self.root, self.proc = root / "cgroup", root / "proc"
        (self.proc / "7").mkdir(parents=True)
        (self.proc / "7" / "cgroup").write_text(lines)
        for name, text in files.items():
            path = self.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)

    def cgroup(self) -> Cgroup:
        return Cgroup.of(7, ID, root=self.root, proc=self.proc)

    def read(self, name: str) -> str:
        return (self.root / name).read_text()


@pytest.fixture
def v1(tmp_path: Path) -> Tree:
    """As dockerd with the cgroupfs driver lays it out, cpu and cpuacct mounted together."""
    lines = (
        f"9:name=systemd:/docker/{ID}\n4:memory:/docker/{ID}\n3:blkio:/docker/{ID}\n2:cpu,cpuacct:/docker/{ID}\n0::/\n"
    )
    cpus, memories, disks = (f"{one}/docker/{ID}" for one in ("cpu,cpuacct", "memory", "blkio"))
    return Tree(
        tmp_path,
        lines,
        {
            f"{cpus}/cgroup.procs": "",
            f"{cpus}/cpu.cfs_quota_us": "-1\n",
            f"{cpus}/cpu.cfs_period_us": "100000\n",
            f"{cpus}/cpu.stat": "nr_periods 4\nnr_throttled 3\nthrottled_time 5\n",
            f"{cpus}/cpuacct.usage": "1500000000\n",
            f"{memories}/cgroup.procs": "",
            f"{memories}/memory.limit_in_bytes": NO_LIMIT_V1 + "\n",
            f"{memories}/memory.memsw.limit_in_bytes": NO_LIMIT_V1 + "\n",
            f"{memories}/memory.usage_in_bytes": "5000000\n",
            f"{memories}/memory.stat": "active_file 1\ntotal_active_file 1000000\ntotal_inactive_file 500000\n",
            f"{memories}/memory.oom_control": "oom_kill_disable 0\nunder_oom 0\noom_kill 2\n",
            f"{disks}/cgroup.procs": "",
            f"{disks}/blkio.throttle.read_bps_device": "8:0 1000\n",
            f"{disks}/blkio.throttle.write_bps_device": "8:16 5\n",
        },
    )


@pytest.fixture
def v2(tmp_path: Path) -> Tree:
    """As dockerd with the systemd driver lays it out; the container has made a cgroup of its own for its process."""
    mine = f"system.slice/docker-{ID}.scope"
    return Tree(
        tmp_path,
        f"0::/{mine}/init\n",
        {
            "cgroup.controllers": "cpu memory io\n",
            f"{mine}/cgroup.procs": "",
            f"{mine}/cpu.max": "max 100000\n",
            f"{mine}/cpu.stat": "usage_usec 1500000\nnr_periods 4\nnr_throttled 3\n",
            f"{mine}/memory.max": "max\n",
            f"{mine}/memory.swap.max": "0\n",
            f"{mine}/memory.current": "5000000\n",
            f"{mine}/memory.stat": "anon 1\nactive_file 1000000\ninactive_file 500000\n",
            f"{mine}/memory.events": "low 0\noom 2\noom_kill 2\n",
            f"{mine}/io.max": "8:0 rbps=1000 wbps=max riops=max wiops=max\n",
        },
    )


@pytest.fixture(params=["v1", "v2"])
def tree(request: pytest.FixtureRequest) -> Tree:
    found: Tree = request.getfixturevalue(request.param)
    return found


def test_counters_read_alike(tree: Tree) -> None:
    """1.5 s of processor time, no limits, 3.5 MB that are not files, 2 kills."""
    cgroup = tree.cgroup()
    assert cpu.limit(cgroup) == (-1, 100_000)
    assert cpu.used_s(cgroup) == pytest.approx(1.5)
    assert cgroup.table("cpu-stat")["nr_throttled"] == 3
    found = memory.look(cgroup)
    assert (found["limit"], found["used"], found["oom_kills"]) == (-1, 3_500_000, 2)
    assert disk.limits_of(cgroup, "8:0") == (1000, 0)
    assert disk.limits_of(cgroup, "9:9") == (0, 0)
    with pytest.raises(Unavailable, match="its memory is not limited"):
        memory.headroom(cgroup)


def test_limits_are_written_in_the_words_of_version_1(v1: Tree) -> None:
    """And a process joins each controller that it is asked for."""
    cgroup = v1.cgroup()
    cpu._put(cgroup, 5_000, 100_000)
    assert v1.read(f"cpu,cpuacct/docker/{ID}/cpu.cfs_quota_us").startswith("5000")
    memory._put(cgroup, 64 << 20, 64 << 20)
    assert v1.read(f"memory/docker/{ID}/memory.limit_in_bytes").startswith("67108864")
    assert v1.read(f"memory/docker/{ID}/memory.memsw.limit_in_bytes").startswith("67108864")
    disk.put(cgroup, "8:0", 0, 9)
    assert v1.read(f"blkio/docker/{ID}/blkio.throttle.write_bps_device").startswith("8:0 9")
    cgroup.join(("cpu", "cpuacct", "memory"), 4711)
    assert v1.read(f"memory/docker/{ID}/cgroup.procs") == "4711"
    assert v1.read(f"blkio/docker/{ID}/cgroup.procs") == ""


def test_limits_are_written_in_the_words_of_version_2(v2: Tree) -> None:
    """In the container's cgroup, not in one that it made below."""
    cgroup, mine = v2.cgroup(), f"system.slice/docker-{ID}.scope"
    cpu._put(cgroup, 5_000, 100_000)
    assert v2.read(f"{mine}/cpu.max").startswith("5000 100000")
    cpu._put(cgroup, -1, 100_000)
    assert v2.read(f"{mine}/cpu.max").startswith("max 100000")
    memory._put(cgroup, 64 << 20, 0)
    assert v2.read(f"{mine}/memory.max").startswith("67108864")
    disk.put(cgroup, "8:0", 7, 0)
    assert v2.read(f"{mine}/io.max").startswith("8:0 rbps=7 wbps=max")
    cgroup.join(("cpu", "memory"), 4711)
    assert v2.read(f"{mine}/cgroup.procs") == "4711"


def test_both_limits_are_lowered_and_raised_in_the_order_that_the_kernel_takes(
    v1: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Version 1 refuses a limit of memory above that of memory and swap."""
    order: list[str] = []
    monkeypatch.setattr(Cgroup, "write", lambda self, what, text: order.append(f"{what} {text}"))
    memory._put(v1.cgroup(), 100, 100)
    assert order == ["memory-limit 100", "swap-limit 100"]
    order.clear()
    memory._put(v1.cgroup(), -1, -1)
    assert order == ["swap-limit -1", "memory-limit -1"]


def test_a_cgroup_of_another_container_is_none(v1: Tree) -> None:
    """A pid that was reused leads nowhere."""
    with pytest.raises(Unavailable, match="the cgroup of ffffffffffff is not under"):
        Cgroup.of(7, "f" * 64, root=v1.root, proc=v1.proc)


def test_what_the_kernel_refuses_is_said(v1: Tree) -> None:
    """In the file's name and the kernel's words."""
    path = v1.root / f"cpu,cpuacct/docker/{ID}/cpu.cfs_quota_us"
    path.unlink()
    path.mkdir()
    with pytest.raises(Unavailable, match=r"cpu.cfs_quota_us does not take '1': Is a directory"):
        v1.cgroup().write("cpu-limit", "1")
