"""Which file system a path of a container is on, and who else is on it."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from chaos.agent.files import open_inside
from chaos.agent.inside import belongs, machine
from chaos.errors import Unavailable

PROC = Path("/proc")
# Where the engine mounts a volume that has a device of its own, for the containers that use it.
VOLUME = re.compile(r".*/volumes/[^/]+/_data")
IN_MEMORY = ("tmpfs", "ramfs")


@dataclass(frozen=True, kw_only=True)
class Mount:
    """One line of /proc/PID/mountinfo (proc(5))."""

    id: int
    device: str  # major:minor, one for each file system
    point: str
    kind: str
    source: str
    options: str  # of the file system itself


def parse(text: str) -> Iterator[Mount]:
    for line in text.splitlines():
        first, _, second = line.partition(" - ")
        words, rest = first.split(), second.split(maxsplit=2)
        if len(words) >= 5 and len(rest) == 3:
            yield Mount(
                id=int(words[0]), device=words[2], point=_plain(words[4]), kind=rest[0], source=_plain(rest[1]),
                options=rest[2],
            )  # fmt: skip


def _plain(word: str) -> str:
    """Blanks are written as octal numbers."""
    return re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), word)


def of(pid: int, container: str, path: str) -> Mount:
    """That of a folder of the container's. Raises: Unavailable."""
    try:
        descriptor = open_inside(pid, container, path, os.O_PATH | os.O_DIRECTORY)
    except OSError as cause:
        raise Unavailable(f"{path} is no folder there: {cause.strerror}") from cause
    try:
        about = dict(line.split(":\t") for line in Path(f"/proc/self/fdinfo/{descriptor}").read_text().splitlines())
    finally:
        os.close(descriptor)
    found = {mount.id: mount for mount in parse((PROC / str(pid) / "mountinfo").read_text())}
    if int(about["mnt_id"]) not in found:
        raise Unavailable(f"the file system of {path} cannot be told")
    return found[int(about["mnt_id"])]


def why_not_alone(mount: Mount, container: str) -> str:
    """Who else would feel it if this file system were full; empty when nobody would."""
    if mount.kind == "overlay":
        return "it is the container's own layer, which is on the engine's disk, and so is everybody else's"
    if _has(mount, parse((PROC / str(machine()) / "mountinfo").read_text())):
        return f"it is on the machine's own {mount.source} ({mount.kind}), and so are others"
    for entry in PROC.iterdir():
        if not entry.name.isdigit() or belongs(int(entry.name), container):
            continue
        try:
            if _has(mount, parse((entry / "mountinfo").read_text())):
                name = (entry / "comm").read_text().strip()
                return f"it is shared with others: process {entry.name} ({name}) has it too"
        except OSError:
            continue  # it ended, or has no such thing
    return ""


def _has(mount: Mount, others: Iterable[Mount]) -> bool:
    return any(one.device == mount.device and not VOLUME.fullmatch(one.point) for one in others)


def disk(mount: Mount) -> str:
    """major:minor of the whole disk below it, which is what can be throttled. Raises: Unavailable."""
    if mount.kind in IN_MEMORY:
        raise Unavailable(f"{mount.point} is in memory ({mount.kind}), not on a disk")
    device = mount.device
    if mount.kind == "overlay":
        upper = re.search(r"upperdir=([^,]+)", mount.options)
        if upper is None:
            raise Unavailable(f"{mount.point} cannot be written to")
        found = Path(f"/proc/{machine()}/root{_plain(upper[1])}").stat().st_dev
        device = f"{os.major(found)}:{os.minor(found)}"
    block = Path(f"/sys/dev/block/{device}")
    if not block.exists():
        raise Unavailable(f"{mount.point} ({mount.kind}) is not on a disk that the kernel throttles")
    if (block / "partition").exists():
        device = (block.resolve().parent / "dev").read_text().strip()
    return device
