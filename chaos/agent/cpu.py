"""`cpu`: how many processors a container may use, and how many its cgroup does."""

from __future__ import annotations

import multiprocessing
import os
import time
from typing import Any, Literal

from chaos.agent.cgroup import UNLIMITED, Cgroup
from chaos.errors import Unavailable

# cpu.cfs_period_us and cpu.max where nobody said otherwise.
PERIOD_US = 100_000


def run(
    *, pid: int, container: str, action: Literal["look", "put", "use", "try"], quota_us: int = 0, period_us: int = 0,
    seconds: float = 0.0, workers: int = 1, instead_of: tuple[int, int] | None = None,
) -> dict[str, Any]:  # fmt: skip
    """`look`: quota, period, and the machine's processors. `put`: set them, if need be only
    `instead_of` others. `use`: how many processors the cgroup uses
    over that time. `try`: how many that many busy newcomers in the cgroup get between them. Raises: Unavailable."""
    cgroup = Cgroup.of(pid, container)
    if action == "put" and (instead_of is None or tuple(instead_of) == limit(cgroup)):
        _put(cgroup, quota_us, period_us)
    if action == "use":
        began_s, began = time.monotonic(), used_s(cgroup)
        time.sleep(seconds)
        return {"cores": (used_s(cgroup) - began) / (time.monotonic() - began_s)}
    if action == "try":
        throttled = cgroup.table("cpu-stat").get("nr_throttled", 0)
        got = _try(cgroup, seconds, workers)
        return {"cores": got, "throttled": cgroup.table("cpu-stat").get("nr_throttled", 0) - throttled}
    quota, period = limit(cgroup)
    return {"quota_us": quota, "period_us": period, "processors": os.cpu_count() or 1}


def limit(cgroup: Cgroup) -> tuple[int, int]:
    """Quota and period in microseconds; the quota is -1 where there is none."""
    if cgroup.version == 2:
        quota, period = cgroup.read("cpu-limit").split()
        return (UNLIMITED if quota == "max" else int(quota)), int(period)
    return int(cgroup.read("cpu-limit")), int(cgroup.read("cpu-period"))


def _put(cgroup: Cgroup, quota_us: int, period_us: int) -> None:
    if cgroup.version == 2:
        cgroup.write("cpu-limit", f"{'max' if quota_us == UNLIMITED else quota_us} {period_us}")
        return
    if period_us != int(cgroup.read("cpu-period")):
        # Without a quota a period can be changed to anything; with one, the pair must fit in between.
        cgroup.write("cpu-limit", str(UNLIMITED))
        cgroup.write("cpu-period", str(period_us))
    cgroup.write("cpu-limit", str(quota_us))


def used_s(cgroup: Cgroup) -> float:
    """Processor time that the cgroup has used, in seconds."""
    if cgroup.version == 2:
        return cgroup.table("cpu-stat")["usage_usec"] / 1e6
    return int(cgroup.read("cpu-usage")) / 1e9


def _try(cgroup: Cgroup, seconds: float, workers: int) -> float:
    context = multiprocessing.get_context("fork")
    got: Any = context.Queue()
    started = [context.Process(target=_busy, args=(cgroup, seconds, got)) for _ in range(workers)]
    for one in started:
        one.start()
    try:
        return float(sum(got.get(timeout=seconds + 10) for _ in started))
    except Exception as cause:
        raise Unavailable("a process of ours in its cgroup got nothing done") from cause
    finally:
        for one in started:
            one.kill()
            one.join()


def _busy(cgroup: Cgroup, seconds: float, got: Any) -> None:
    cgroup.join(("cpu", "cpuacct"), os.getpid())
    began_s, began_used_s = time.monotonic(), time.process_time()
    while time.monotonic() - began_s < seconds:
        pass
    got.put((time.process_time() - began_used_s) / (time.monotonic() - began_s))
