"""`memory`: how much memory a container may use, and how much it does."""

from __future__ import annotations

from typing import Any, Literal

from chaos.agent.cgroup import UNLIMITED, V1_UNLIMITED, Cgroup
from chaos.errors import Unavailable


def run(
    *,
    pid: int,
    container: str,
    action: Literal["look", "put"],
    limit: int = 0,
    swap_limit: int | None = None,
    instead_of: tuple[int, int | None] | None = None,
) -> dict[str, Any]:
    """Limits and use in bytes; a limit of -1 is none. `swap_limit` is that of memory and swap together (version 1) or
    of swap alone (version 2), as the kernel has it; None where the kernel limits no swap. `put`: set them, if need be
    only `instead_of` others; `mine`: are those still there? Raises: Unavailable."""
    cgroup = Cgroup.of(pid, container)
    mine = instead_of is not None and is_one_of(look(cgroup), instead_of, (limit, swap_limit))
    if action == "put" and (mine or instead_of is None):
        _put(cgroup, limit, swap_limit)
    now = look(cgroup)
    return now | {"mine": instead_of is not None and is_one_of(now, instead_of, (limit, swap_limit))}


def is_one_of(now: dict[str, Any], ours: tuple[int, int | None], before: tuple[int, int | None]) -> bool:
    """Is one of the two limits ours, and not what it was before? A put may have been interrupted between them."""
    pairs = zip((now["limit"], now["swap_limit"]), ours, before, strict=True)
    return any(is_now is not None and is_now == mine != was for is_now, mine, was in pairs)


def look(cgroup: Cgroup) -> dict[str, Any]:
    has_swap = cgroup.path("swap-limit") is not None
    return {
        "version": cgroup.version,
        "limit": _limit(cgroup, "memory-limit"),
        "swap_limit": _limit(cgroup, "swap-limit") if has_swap else None,
        "used": used(cgroup),
        "oom_kills": oom_kills(cgroup),
    }


def used(cgroup: Cgroup) -> int:
    """What cannot be had back by dropping pages of files."""
    stat = cgroup.table("memory-stat")
    prefix = "total_" if cgroup.version == 1 else ""
    files = stat.get(f"{prefix}inactive_file", 0) + stat.get(f"{prefix}active_file", 0)
    return max(0, int(cgroup.read("memory-usage")) - files)


def oom_kills(cgroup: Cgroup) -> int:
    """How many of its processes the kernel has killed for want of memory."""
    return cgroup.table("oom").get("oom_kill", 0)


def headroom(cgroup: Cgroup) -> int:
    """Bytes that it may still take. Raises: Unavailable where there is no limit."""
    limit = _limit(cgroup, "memory-limit")
    if limit == UNLIMITED:
        raise Unavailable("its memory is not limited")
    return limit - used(cgroup)


def _limit(cgroup: Cgroup, what: str) -> int:
    text = cgroup.read(what)
    return UNLIMITED if text == "max" or int(text) >= V1_UNLIMITED else int(text)


def _put(cgroup: Cgroup, limit: int, swap_limit: int | None) -> None:
    """On version 1 the limit of both is never below that of memory alone, so the order is by which way they go."""
    words = {"memory-limit": limit} | ({} if swap_limit is None else {"swap-limit": swap_limit})
    now = _limit(cgroup, "memory-limit")
    grows = limit == UNLIMITED or (now != UNLIMITED and limit > now)
    for what in sorted(words, reverse=grows):
        unlimited = "max" if cgroup.version == 2 else str(UNLIMITED)
        cgroup.write(what, unlimited if words[what] == UNLIMITED else str(words[what]))
