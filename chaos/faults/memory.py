"""`memory`: a service with little memory."""

from __future__ import annotations

from typing import Any, ClassVar

from chaos.errors import Unavailable
from chaos.faults.shared import limits
from chaos.faults.shared.container import Contained, ContainerFault, Inside
from chaos.model.fault import Evidence
from chaos.model.platform import ResourceShaper
from chaos.units import Bytes

UNLIMITED = -1
LIMIT_MIN = Bytes(4_000_000)
PAGE = 4096


class Memory(ContainerFault):
    """The service may use so much memory and no more; when it wants more, the kernel ends one of its processes."""

    kind: ClassVar[str] = "memory"
    needs: ClassVar[type] = ResourceShaper
    told_apart: ClassVar[bool] = False  # a limit is a number
    example: ClassVar[str] = "memory: {service: web, limit: 64MB, for: 30s}"

    limit: Bytes  # for all of its processes together

    def __post_init__(self) -> None:
        limits.size("limit", self.limit, least=LIMIT_MIN)

    def look(self, inside: Inside, mark: str) -> dict[str, Any]:
        found = inside.call("memory", action="look")
        has, used = found["limit"], found["used"]
        limit = int(self.limit) // PAGE * PAGE  # the kernel counts in pages
        if has != UNLIMITED and limit >= has:
            raise Unavailable(f"it has a limit of {mega(has)} already, so {mega(limit)} would do nothing")
        if limit <= used:
            raise Unavailable(
                f"it uses {mega(used)} already, and would be killed at once; that is another fault: `oom`"
            )
        return {"before": found, "limit": limit, "swap_limit": swap_limit(found, limit)}

    def disturb(self, inside: Inside, held: Contained) -> None:
        inside.call("memory", action="put", limit=held.facts["limit"], swap_limit=held.facts["swap_limit"])

    def judge(self, inside: Inside, held: Contained) -> Evidence:
        """By the cgroup's own limit and use."""
        now, before = inside.call("memory", action="look"), held.facts["before"]
        return Evidence(
            confirmed=now["limit"] == held.facts["limit"] and now["used"] <= now["limit"],
            text=f"{mega(now['used'])} used, limit {in_words(now['limit'])} (before: {in_words(before['limit'])})",
            measured=float(now["limit"]),
            intended=float(self.limit),
            unit="B",
        )

    @classmethod
    def take_back(cls, inside: Inside, held: Contained) -> bool:
        return _is_left(inside, held, "put")

    @classmethod
    def is_there(cls, inside: Inside, held: Contained) -> bool:
        return _is_left(inside, held, "look")


def _is_left(inside: Inside, held: Contained, action: str) -> bool:
    """Is one of our two limits there, once that was done with those of before? A put may have been interrupted
    between them, and others than ours are somebody else's, put there since."""
    ours, before = held.facts, held.facts["before"]
    found = inside.call(
        "memory", action=action, limit=before["limit"], swap_limit=before["swap_limit"],
        instead_of=(ours["limit"], ours["swap_limit"]),
    )  # fmt: skip
    return bool(found["mine"])


def swap_limit(found: dict[str, Any], limit: int) -> int | None:
    """So that nothing goes to swap instead: version 1 limits both together, version 2 swap by itself."""
    if found["swap_limit"] is None:
        return None
    return limit if found["version"] == 1 else 0


def in_words(limit: int) -> str:
    return "none" if limit == UNLIMITED else mega(limit)


def mega(size: float) -> str:
    return f"{size / 1e6:.1f} MB"
