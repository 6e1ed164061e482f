"""`cpu`: a service with little processor time."""

from __future__ import annotations

import math
from typing import Any, ClassVar

from chaos.errors import Unavailable
from chaos.faults.shared.container import Contained, ContainerFault, Inside
from chaos.model.fault import Evidence
from chaos.model.platform import ResourceShaper

# The kernel takes no quota below 1 ms, and a period of 100 ms is everybody's.
PERIOD_US = 100_000
CORES_MIN = 0.01
UNLIMITED = -1
# Several periods, so that what the first one gives at once does not count for much.
TRY_S = 0.6
# On a busy machine one process for each processor may not get as much as the limit is.
WORKERS = 2
# A period that began before the try is over within it.
MOST = 1.5


class Cpu(ContainerFault):
    """The service gets the time of so many processors and no more: `cores: 0.1` is a tenth of one."""

    kind: ClassVar[str] = "cpu"
    needs: ClassVar[type] = ResourceShaper
    told_apart: ClassVar[bool] = False  # a limit is a number
    example: ClassVar[str] = "cpu: {service: web, cores: 0.1, for: 30s}"

    cores: float  # so many processors' time, for all of its processes together

    def __post_init__(self) -> None:
        if not CORES_MIN <= self.cores < math.inf:
            raise ValueError(f"cores is {self.cores:g}; it must be at least {CORES_MIN:g}")

    def look(self, inside: Inside, mark: str) -> dict[str, Any]:
        found = inside.call("cpu", action="look")
        has = cores_of(found)
        if self.cores >= has:
            raise Unavailable(f"it has {has:g} cores already, so a limit of {self.cores:g} would do nothing")
        period_us = found["period_us"] or PERIOD_US
        return {"before": found, "quota_us": max(1000, round(self.cores * period_us)), "period_us": period_us}

    def disturb(self, inside: Inside, held: Contained) -> None:
        inside.call("cpu", action="put", quota_us=held.facts["quota_us"], period_us=held.facts["period_us"])

    def judge(self, inside: Inside, held: Contained) -> Evidence:
        """By a busy newcomer in its cgroup, which cannot get more than the limit, and is held back."""
        found = inside.call("cpu", action="try", seconds=TRY_S, workers=WORKERS * math.ceil(self.cores))
        return Evidence(
            confirmed=found["throttled"] > 0 and found["cores"] <= self.cores * MOST,
            text=f"busy processes there get {found['cores']:.2f} of {self.cores:g} cores, held back "
            f"{found['throttled']} times (before: limit {cores_of(held.facts['before']):g})",
            measured=found["cores"],
            intended=self.cores,
            unit="cores",
        )

    @classmethod
    def take_back(cls, inside: Inside, held: Contained) -> bool:
        before = held.facts["before"]
        now = inside.call(
            "cpu", action="put", quota_us=before["quota_us"], period_us=before["period_us"], instead_of=_mine(held)
        )
        return _is_mine(now, held)

    @classmethod
    def is_there(cls, inside: Inside, held: Contained) -> bool:
        return _is_mine(inside.call("cpu", action="look"), held)


def _mine(held: Contained) -> tuple[int, int]:
    return held.facts["quota_us"], held.facts["period_us"]


def _is_mine(now: dict[str, Any], held: Contained) -> bool:
    """Is it our limit? Another one is somebody else's, put there since."""
    return (now["quota_us"], now["period_us"]) == _mine(held)


def cores_of(found: dict[str, Any]) -> float:
    """What it may use: its own limit, else the whole machine."""
    machine = float(found["processors"])
    return machine if found["quota_us"] == UNLIMITED else min(machine, found["quota_us"] / found["period_us"])
