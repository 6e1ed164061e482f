"""`slow-disk`: a service whose disk is slow."""

from __future__ import annotations

from typing import Any, ClassVar

from chaos.errors import Unavailable
from chaos.faults.shared.container import Contained, ContainerFault, Inside
from chaos.model.fault import Evidence
from chaos.model.platform import DiskShaper
from chaos.units import Bytes

PER_SECOND_MIN, PER_SECOND_MAX = Bytes(50_000), Bytes(20_000_000)
# What a confirmation writes takes about so long.
WRITE_S = 1.0
# The journal of the file system is written besides, at its own speed; a burst goes first.
LEAST, MOST = 0.3, 2.0


class SlowDisk(ContainerFault):
    """The service reads and writes at most `per-second` bytes a second of the disk below `path`, in its own cgroup."""

    kind: ClassVar[str] = "slow-disk"
    needs: ClassVar[type] = DiskShaper
    told_apart: ClassVar[bool] = False  # a limit is a number
    example: ClassVar[str] = "slow-disk: {service: db, path: /var/lib/postgresql/data, per-second: 1MB, for: 30s}"

    per_second: Bytes  # reading, and as much writing
    path: str = "/"  # a folder inside the container, on that disk

    def __post_init__(self) -> None:
        if not PER_SECOND_MIN <= self.per_second <= PER_SECOND_MAX:
            raise ValueError(
                f"per-second is {self.per_second}; it must be between {PER_SECOND_MIN} and {PER_SECOND_MAX}, so that "
                "it can be confirmed"
            )
        if not self.path.startswith("/") or "\0" in self.path:
            raise ValueError(f"path is {self.path!r}; it must be a folder inside the container, such as /data")

    def look(self, inside: Inside, mark: str) -> dict[str, Any]:
        found = inside.call("disk", action="look", path=self.path)
        if any(0 < found[way] <= self.per_second for way in ("read", "write")):
            raise Unavailable(f"its disk is limited to {found['write'] or found['read']} bytes a second already")
        per_s = self._write(inside)
        if per_s < self.per_second * MOST * 2:
            raise Unavailable(
                f"its disk takes {per_s / 1e6:.1f} MB/s as it is, so {self.per_second} a second could not be confirmed"
            )
        return {"before": found, "path": self.path, "per_s": per_s, "limit": int(self.per_second)}

    def _write(self, inside: Inside) -> float:
        """Bytes a second that a process in its cgroup gets onto the disk."""
        size = int(self.per_second * WRITE_S)
        found = inside.call("disk", action="write", path=self.path, size=size)
        return size / max(1e-6, float(found["seconds"]))

    def disturb(self, inside: Inside, held: Contained) -> None:
        device, limit = held.facts["before"]["device"], held.facts["limit"]
        inside.call("disk", action="put", path=self.path, device=device, read=limit, write=limit)

    def judge(self, inside: Inside, held: Contained) -> Evidence:
        """By a write of our own in its cgroup, until it is on the disk."""
        per_s = self._write(inside)
        return Evidence(
            confirmed=self.per_second * LEAST <= per_s <= self.per_second * MOST,
            text=f"{per_s / 1e6:.2f} MB/s get onto the disk, {self.per_second / 1e6:.2f} intended "
            f"(before: {held.facts['per_s'] / 1e6:.1f})",
            measured=per_s,
            intended=float(self.per_second),
            unit="B/s",
        )

    @classmethod
    def take_back(cls, inside: Inside, held: Contained) -> bool:
        before, limit = held.facts["before"], held.facts["limit"]
        now = inside.call("disk", action="put", path=held.facts["path"], instead_of=limit, **before)
        return limit in (now["read"], now["write"])

    @classmethod
    def is_there(cls, inside: Inside, held: Contained) -> bool:
        device, limit = held.facts["before"]["device"], held.facts["limit"]
        now = inside.call("disk", action="look", path=held.facts["path"], device=device)
        return limit in (now["read"], now["write"])
