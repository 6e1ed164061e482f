"""What is broken in containers: asked of the Docker engine, of the kernel and of the services themselves.

All of it is read on the engine's own machine, as root: packet rules and queues in each container's network, the limits
and processes of its cgroup, its files. Nothing of `chaos` is imported here either.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from .outside import Outside, get, no_pong

PROC, CGROUPS = Path("/proc"), Path("/sys/fs/cgroup")
SERVICES = {"edge": 8000, "web": 8000, "cache": 6379}
# What limits a cgroup: (controller, file) of version 1, and the files of version 2.
LIMITS = (
    ("cpu", "cpu.cfs_quota_us"), ("cpu", "cpu.cfs_period_us"), ("memory", "memory.limit_in_bytes"),
    ("memory", "memory.memsw.limit_in_bytes"), ("blkio", "blkio.throttle.read_bps_device"),
    ("blkio", "blkio.throttle.write_bps_device"),
    *(("", name) for name in ("cpu.max", "memory.max", "memory.swap.max", "io.max")),
)  # fmt: skip
HOG = "chaos.agent.hogging"
# The servers' image has the programs; the edge is the one that no fault acts on.
TOOLS = "edge"


@dataclass(frozen=True, kw_only=True)
class Containers(Outside):
    """The small target in containers of a Compose project. What it is like is remembered when this is made."""

    project: str
    was: dict[str, dict[str, Any]] = field(default_factory=dict)

    def remember(self) -> None:
        self.was.update(self._found())

    @cached_property
    def api_client(self) -> Any:
        import docker

        return docker.APIClient(timeout=20, version="auto")

    def _services(self) -> Iterator[str]:
        found = self._found()
        for name, was in self.was.items():
            now = found.get(name, {})
            # Of a container that does not run, only that can be said.
            for what in ("status",) if now.get("status") != "running" else was:
                if now.get(what) != was[what]:
                    yield f"{name}: {what} is {now.get(what)!r}, not {was[what]!r}"
        for words in _running(HOG):
            if any(one["id"] in words[-1] for one in found.values()):
                yield f"a process of ours is in a service: {words}"

    def _found(self) -> dict[str, dict[str, Any]]:
        """service -> all that a fault could change of it."""
        raw = {name: about for name in SERVICES if (about := self._inspected(name))}
        tools = raw[TOOLS]["State"]["Pid"] if TOOLS in raw else 0
        return {name: _look(name, about, tools) for name, about in raw.items()}

    def _inspected(self, service: str) -> dict[str, Any]:
        from docker.errors import NotFound

        try:
            found: dict[str, Any] = self.api_client.inspect_container(f"{self.project}-{service}-1")
        except NotFound:
            return {}
        return found

    def kill_agent(self) -> bool:
        """As an engine that is short of memory would. False when there is none."""
        from docker.errors import APIError

        try:
            self.api_client.kill(f"saleproof-agent-{self.project}")
        except APIError:
            return False
        return True


def _look(name: str, about: dict[str, Any], tools: int) -> dict[str, Any]:
    state, host = about["State"], about["HostConfig"]
    networks = about["NetworkSettings"]["Networks"]
    found: dict[str, Any] = {
        "id": about["Id"],
        "status": state["Status"],
        "limits of the engine": {key: host[key] for key in ("NanoCpus", "CpuQuota", "Memory", "MemorySwap")},
        "aliases": {network: sorted(one["Aliases"] or ()) for network, one in networks.items()},
    }
    pid = str(state["Pid"])
    if state["Status"] != "running":
        return found
    try:
        found |= {"network": _network(pid, tools), "limits": _limits(pid, about["Id"]), "files": _files(pid)}
        found["first to be killed"] = (PROC / pid / "oom_score_adj").read_text().strip()
    except OSError as cause:  # it ended a moment ago
        found["status"] = f"ending ({cause})"
        return found
    address = f"{next(iter(networks.values()))['IPAddress']}:{SERVICES[name]}"
    answers = no_pong(address) if name == "cache" else get(address, "/healthz")
    return found | {"answer": answers}


def _network(pid: str, tools: int) -> list[str]:
    """Tables of packet rules, and queues that the kernel has not put there by itself."""
    inside = ["nsenter", f"--mount=/proc/{tools}/ns/mnt", f"--net=/proc/{pid}/ns/net"]
    script = "nft list tables && tc qdisc show"
    done = subprocess.run([*inside, "sh", "-c", script], capture_output=True, text=True, check=False, timeout=20)
    if done.returncode:
        raise OSError(done.stderr.strip())
    lines = done.stdout.splitlines()
    return sorted(line for line in lines if not line.startswith("qdisc") or line.split()[2] != "0:")


def _limits(pid: str, container: str) -> dict[str, str]:
    """Of its cgroup, as the kernel has them."""
    found = {}
    for line in (PROC / pid / "cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        for controller, name in LIMITS:
            file = CGROUPS / controller / path.strip("/") / name
            if container in path and controller in controllers.split(",") and file.exists():
                found[name] = file.read_text().strip()
    return found


def _files(pid: str) -> tuple[str, list[str]]:
    """Whom it asks for names, and what is on its small disk."""
    root = PROC / pid / "root"
    names = (file.name for file in (root / "data").iterdir()) if (root / "data").exists() else ()
    return (root / "etc/resolv.conf").read_text(), sorted(name for name in names if not name.endswith(".rdb"))


def _running(word: str) -> Iterator[list[str]]:
    """The command lines of this machine's processes that have that word."""
    for path in PROC.glob("[0-9]*"):
        try:
            words = (path / "cmdline").read_bytes().decode(errors="replace").rstrip("\0").split("\0")
        except OSError:
            continue
        if word in words:
            yield words


def has_netem() -> bool:
    """Has this machine's kernel the network emulator? Tried in a network that is gone at once."""
    words = ["unshare", "--net", "tc", "qdisc", "add", "dev", "lo", "root", "netem", "delay", "1ms"]
    try:
        return subprocess.run(words, capture_output=True, check=False, timeout=20).returncode == 0
    except FileNotFoundError:
        return False
