"""`memory-pressure`: a service with hardly any memory left."""

from __future__ import annotations

from typing import Any, ClassVar

from chaos.errors import Unavailable
from chaos.faults.memory import UNLIMITED, mega
from chaos.faults.shared import limits
from chaos.faults.shared.container import Contained, Inside
from chaos.faults.shared.hogs import HogFault
from chaos.model.fault import Evidence
from chaos.model.platform import ResourceShaper
from chaos.units import Bytes

# With less, the kernel would kill, and not press; a hog takes memory in steps of 1 MiB.
LEAVE_MIN = Bytes(4_000_000)
STEPS = 3 << 20


class MemoryPressure(HogFault):
    """A process of ours takes memory of the service's cgroup until only `leave` is left under its limit."""

    kind: ClassVar[str] = "memory-pressure"
    needs: ClassVar[type] = ResourceShaper
    example: ClassVar[str] = "memory-pressure: {service: db, leave: 16MB, for: 30s}"

    leave: Bytes = Bytes(16_000_000)  # so much may still be taken, by whoever is first

    def __post_init__(self) -> None:
        limits.size("leave", self.leave, least=LEAVE_MIN)

    def look(self, inside: Inside, mark: str) -> dict[str, Any]:
        found = inside.call("memory", action="look")
        if found["limit"] == UNLIMITED:
            raise Unavailable("its memory is not limited, so that the whole machine's would be taken")
        left = found["limit"] - found["used"]
        if left <= self.leave + STEPS:
            raise Unavailable(f"only {mega(left)} are left under its limit as it is")
        return {"before": found}

    def hog(self) -> tuple[str, int]:
        return "memory", int(self.leave)

    def judge(self, inside: Inside, held: Contained) -> Evidence:
        """By the cgroup's own limit and use, files that can be dropped not counted."""
        now, before = inside.call("memory", action="look"), held.facts["before"]
        left = now["limit"] - now["used"]
        return Evidence(
            confirmed=left <= self.leave + STEPS and self.is_there(inside, held),
            text=f"{mega(left)} of {mega(now['limit'])} left (before: {mega(before['limit'] - before['used'])})",
            measured=float(left),
            intended=float(self.leave),
            unit="B",
        )
