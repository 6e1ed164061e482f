"""A container's cgroup: its limits and its counters, by the same words on both versions of cgroups."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from chaos.agent.inside import check
from chaos.errors import Unavailable

ROOT = Path("/sys/fs/cgroup")
PROC = Path("/proc")

UNLIMITED = -1
# cgroup v1 has no word for no limit; it shows the greatest number of whole pages instead.
V1_UNLIMITED = 1 << 62

# What we call it -> (controller, file) on version 1; file on version 2. A file that is not there does not limit.
V1 = {
    "cpu-limit": ("cpu", "cpu.cfs_quota_us"),
    "cpu-period": ("cpu", "cpu.cfs_period_us"),
    "cpu-stat": ("cpu", "cpu.stat"),
    "cpu-usage": ("cpuacct", "cpuacct.usage"),
    "memory-limit": ("memory", "memory.limit_in_bytes"),
    "swap-limit": ("memory", "memory.memsw.limit_in_bytes"),
    "memory-usage": ("memory", "memory.usage_in_bytes"),
    "memory-stat": ("memory", "memory.stat"),
    "oom": ("memory", "memory.oom_control"),
    "cpu-procs": ("cpu", "cgroup.procs"),
    "cpuacct-procs": ("cpuacct", "cgroup.procs"),
    "memory-procs": ("memory", "cgroup.procs"),
    "disk-procs": ("blkio", "cgroup.procs"),
    "read-limit": ("blkio", "blkio.throttle.read_bps_device"),
    "write-limit": ("blkio", "blkio.throttle.write_bps_device"),
}
V2 = {
    "cpu-limit": "cpu.max",
    "cpu-stat": "cpu.stat",
    "memory-limit": "memory.max",
    "swap-limit": "memory.swap.max",
    "memory-usage": "memory.current",
    "memory-stat": "memory.stat",
    "oom": "memory.events",
    "procs": "cgroup.procs",
    "disk-limit": "io.max",
}


@dataclass(frozen=True, kw_only=True)
class Cgroup:
    """`folders`: controller -> its folder on version 1; the one folder under `""` on version 2."""

    version: int
    folders: dict[str, Path]

    @classmethod
    def of(cls, pid: int, container: str, *, root: Path = ROOT, proc: Path = PROC) -> Cgroup:
        """That of a container, by its main process. Raises: Unavailable."""
        if proc == PROC:
            check(pid, container)
        folders: dict[str, Path] = {}
        for line in (proc / str(pid) / "cgroup").read_text().splitlines():
            _, controllers, path = line.split(":", 2)
            whole = _container_part(path, container)
            if not whole:
                continue
            for controller in controllers.split(","):
                # Mounted as `cpu,cpuacct`, with a link for each of the two, or one by one.
                for mounted in (controllers, controller):
                    folder = root / mounted / whole
                    if (folder / "cgroup.procs").exists():
                        folders.setdefault(controller, folder)
        if (root / "cgroup.controllers").exists() and "" in folders:
            return cls(version=2, folders={"": folders[""]})
        if "memory" in folders or "cpu" in folders:
            return cls(version=1, folders=folders)
        raise Unavailable(f"the cgroup of {container[:12]} is not under {root}")

    def path(self, what: str) -> Path | None:
        """The file; None where this machine has none of it."""
        if self.version == 2:
            found = self.folders[""] / V2[what] if what in V2 else None
        else:
            controller, name = V1.get(what, ("", ""))
            found = self.folders[controller] / name if controller in self.folders else None
        return found if found is not None and found.exists() else None

    def read(self, what: str) -> str:
        """Raises: Unavailable."""
        path = self.path(what)
        if path is None:
            raise Unavailable(f"the cgroups of this machine have no {what}")
        return path.read_text().strip()

    def write(self, what: str, text: str) -> None:
        """Raises: Unavailable, with what the kernel said."""
        path = self.path(what)
        if path is None:
            raise Unavailable(f"the cgroups of this machine have no {what}")
        try:
            # Unbuffered, so that the kernel's no is heard at once.
            descriptor = os.open(path, os.O_WRONLY)
            try:
                os.write(descriptor, text.encode())
            finally:
                os.close(descriptor)
        except OSError as cause:
            raise Unavailable(f"{path.name} does not take {text!r}: {cause.strerror}") from cause

    def table(self, what: str) -> dict[str, int]:
        """A file of lines with a word and a number."""
        lines = (line.split() for line in self.read(what).splitlines())
        return {words[0]: int(words[1]) for words in lines if len(words) == 2 and words[1].lstrip("-").isdigit()}

    def join(self, controllers: tuple[str, ...], pid: int) -> None:
        """Make a process one of the container's, as far as those controllers go. Raises: Unavailable."""
        for what in ("procs",) if self.version == 2 else tuple(f"{one}-procs" for one in controllers):
            self.write(what, str(pid))


def _container_part(path: str, container: str) -> str:
    """Up to the part that is named after the container: a container may have cgroups of its own below."""
    parts = path.strip("/").split("/")
    for number, part in enumerate(parts):
        if container in part:
            return "/".join(parts[: number + 1])
    return ""
