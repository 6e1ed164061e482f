"""`disk-full`: a service without disk space."""

from __future__ import annotations

from typing import Any, ClassVar

import msgspec

from chaos.errors import RevertFailed, Unavailable
from chaos.faults.shared import limits
from chaos.faults.shared.container import Contained, ContainerFault, Inside
from chaos.model.fault import Evidence, Undo
from chaos.model.platform import DiskShaper
from chaos.platforms import container_control
from chaos.units import Bytes

NOTHING, LEAVE_MAX = Bytes(0), Bytes(1e9)
# What is left must be clearly less than what was.
LEAST_FILLED = Bytes(65_536)


class DiskFull(ContainerFault):
    """The file system at `path` inside the container is full but for `leave`; never the engine's own disk."""

    kind: ClassVar[str] = "disk-full"
    needs: ClassVar[type] = DiskShaper
    example: ClassVar[str] = "disk-full: {service: cache, path: /data, for: 30s}"

    path: str  # a folder inside the container
    leave: Bytes = Bytes(0)  # so much stays free

    def __post_init__(self) -> None:
        if not self.path.startswith("/") or "\0" in self.path:
            raise ValueError(f"path is {self.path!r}; it must be a folder inside the container, such as /data")
        limits.size("leave", self.leave, least=NOTHING, most=LEAVE_MAX)

    def look(self, inside: Inside, mark: str) -> dict[str, Any]:
        found = inside.call("fill", action="look", path=self.path, name=_name(mark))
        if found["why_not"]:
            raise Unavailable(f"the file system of {self.path} is not filled: {found['why_not']}")
        if found["free"] < self.leave + LEAST_FILLED:
            raise Unavailable(f"only {found['free'] / 1e6:.1f} MB are left at {self.path} as it is")
        return {"before": found, "path": self.path}

    def disturb(self, inside: Inside, held: Contained) -> None:
        inside.call("fill", action="put", path=self.path, name=_name(held.mark), leave=int(self.leave))

    def judge(self, inside: Inside, held: Contained) -> Evidence:
        """By a write there, which must fail for want of space."""
        found = inside.call("fill", action="try", path=self.path, name=_name(held.mark), leave=int(self.leave))
        wrote = "a write there finds no space" if found["full"] else "a write there still succeeds"
        return Evidence(
            confirmed=bool(found["full"]),
            text=f"{wrote}, {found['free'] / 1e6:.2f} MB left (before: {held.facts['before']['free'] / 1e6:.1f} MB)",
            measured=float(found["free"]),
            intended=float(self.leave),
            unit="B",
        )

    @classmethod
    def take_back(cls, inside: Inside, held: Contained) -> bool:
        found = inside.call("fill", action="remove", path=held.facts["path"], name=_name(held.mark))
        return bool(found["there"])

    @classmethod
    def is_there(cls, inside: Inside, held: Contained) -> bool:
        found = inside.call("fill", action="there", path=held.facts["path"], name=_name(held.mark))
        return bool(found["there"])

    @classmethod
    def revert(cls, undo: Undo) -> None:
        """A file in memory ends with the container's life; one on a volume is there in its next life too."""
        now = _in_this_life(undo)
        if now is not None:
            return super().revert(now)
        place = Contained.of(undo)
        raise RevertFailed(
            f"disk-full on {undo.where}: {place.before.what} does not run, and its volume at {place.facts['path']} may "
            f"still hold our file {_name(place.mark)}. Start it, then: saleproof recover; or remove that file by hand"
        )

    @classmethod
    def is_present(cls, undo: Undo) -> bool:
        """Raises: Unavailable when its volume cannot be looked at."""
        now = _in_this_life(undo)
        if now is None:
            raise Unavailable(f"{undo.where} does not run, so its volume cannot be looked at")
        return super().is_present(now)


def _in_this_life(undo: Undo) -> Undo | None:
    """The record for the life that the container has now; the very record where the file ends with the life that it was
    put into; None when the file would outlast that, and no life goes on."""
    held = Contained.of(undo)
    if not held.facts["before"]["keeps"]:
        return undo
    life = container_control(held.control).running(undo.where)
    if not life:
        return None
    before = msgspec.structs.replace(held.before, life=life)
    return msgspec.structs.replace(undo, data=undo.data | {"before": msgspec.to_builtins(before)})


def _name(mark: str) -> str:
    return f".{mark}"
