"""`cpu-pressure`: a service whose processors are busy with something else."""

from __future__ import annotations

from typing import Any, ClassVar

from chaos.faults.shared.container import Contained, Inside
from chaos.faults.shared.hogs import HogFault
from chaos.model.fault import Evidence
from chaos.model.platform import ResourceShaper

PROCESSES_MAX = 64
LOOK_S = 0.4
# A process that waits for nothing but a processor wants all of one; the rest is the precision of the measurement.
WANTS_MIN = 0.8


class CpuPressure(HogFault):
    """So many busy `processes` of ours run in the service's own cgroup, and take of the processor time that it has."""

    kind: ClassVar[str] = "cpu-pressure"
    needs: ClassVar[type] = ResourceShaper
    example: ClassVar[str] = "cpu-pressure: {service: web, processes: 4, for: 30s}"

    processes: int  # each of them wants a whole processor

    def __post_init__(self) -> None:
        if not 1 <= self.processes <= PROCESSES_MAX:
            raise ValueError(f"processes is {self.processes}; it must be between 1 and {PROCESSES_MAX}")

    def look(self, inside: Inside, mark: str) -> dict[str, Any]:
        return {"before": inside.call("cpu", action="use", seconds=LOOK_S)}

    def hog(self) -> tuple[str, int]:
        return "cpu", self.processes

    def judge(self, inside: Inside, held: Contained) -> Evidence:
        """By what they want: the time that they run or wait for a processor. And by what they get."""
        found = inside.call("hog", action="wants", mark=held.mark, seconds=LOOK_S)
        return Evidence(
            confirmed=found["wanted"] >= WANTS_MIN * self.processes and found["got"] > 0,
            text=f"busy processes in its cgroup want {found['wanted']:.1f} of {self.processes} cores and get "
            f"{found['got']:.2f} (before: the service used {held.facts['before']['cores']:.2f})",
            measured=found["wanted"],
            intended=float(self.processes),
            unit="cores",
        )
