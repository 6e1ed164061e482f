"""`python -m tests.soak --minutes 60`: one long run, and the memory of its processes all the while.

A fault on a link stays for the whole time, customers come, the guard and the leases work. Exits with 1 when a process
grows, or the run does not end as it should.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from ..e2e.small import Small, small

EVERY_S = 2.0
# At the ends everything is in motion: imports and connections at first, the judgement of all requests at last.
FIRST, LAST = (0.2, 0.4), (0.8, 1.0)
# Between these parts of a run: of a short one, in which the allocator still takes its first breaths, and of a long one.
LONG_S, MAY_GROW_MIB, LONG_MAY_GROW_MIB = 1800.0, 6.0, 2.0
PROGRAMS = {
    "runner": "chaos run", "generator": "chaos.load.generator", "watchdog": "chaos.rehearsal.watchdog",
    "supervisor": "embedded.supervisor", "fault proxy": "chaos.proxy.server",
}  # fmt: skip


@dataclass
class Series:
    """One process: seconds since the start, and resident MiB then."""

    at_s: list[float] = field(default_factory=list)
    mib: list[float] = field(default_factory=list)

    def mean(self, part: tuple[float, float], length_s: float) -> float:
        inside = [m for t, m in zip(self.at_s, self.mib, strict=True) if part[0] <= t / length_s <= part[1]]
        return statistics.fmean(inside) if inside else 0.0


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=2.0, help="how long the fault is on (2)")
    parser.add_argument("--rate", type=float, default=40.0, help="customers a second (40)")
    arguments = parser.parse_args()
    fault_s = arguments.minutes * 60
    with small() as shop:
        target = shop.folder / "target.yaml"
        target.write_text(target.read_text().replace("rate: 130/s", f"rate: {arguments.rate:g}/s"))
        ok = _soak(shop, fault_s)
    return 0 if ok else 1


def _soak(shop: Small, fault_s: float) -> bool:
    file = shop.experiment(f"latency: {{link: edge -> web, delay: 200ms, for: {fault_s:g}s}}")
    text = Path(file).read_text().replace("before: 1s", "before: 10s")
    Path(file).write_text(text + "abort: [error-rate > 50% for 3s]\n")
    said = (shop.folder / "said.txt").open("w+")
    run = shop.start(shop.words("run", file, "--json"), said)
    began_s, series = time.monotonic(), {name: Series() for name in PROGRAMS}
    cpu_s: dict[str, float] = {}
    while run.poll() is None:
        at_s = time.monotonic() - began_s
        for name, word in PROGRAMS.items():
            for pid in [run.pid] if name == "runner" else shop.processes(word):
                mib, used_s = _usage(pid)
                if mib:
                    series[name].at_s.append(at_s)
                    series[name].mib.append(mib)
                    cpu_s[name] = used_s
        print(f"\r{at_s:6.0f} s", end="", file=sys.stderr, flush=True)
        time.sleep(EVERY_S)
    said.seek(0)
    verdict = json.loads(next(line for line in said if line.startswith("{")))
    length_s = time.monotonic() - began_s
    requests = max((check["total"] for check in verdict["checks"]), default=0)
    print(
        f"\n{length_s / 60:.1f} min, {requests:,} requests in a window, {verdict['outcome']}, exit {run.returncode}\n"
    )
    grown = _print(series, cpu_s, length_s)
    reverted = all(fault["reverted"] and fault["confirmed"] for fault in verdict["faults"])
    return not grown and reverted and run.returncode == 0 and shop.outside.broken() == []


def _print(series: dict[str, Series], cpu_s: dict[str, float], length_s: float) -> bool:
    """Resident MiB in each tenth of the run; whether anything has grown."""
    print("| process | " + " | ".join(f"{n}0 %" for n in range(1, 11)) + " | growth | CPU |")
    print("|---|" + "---|" * 12)
    grown = False
    for name, one in series.items():
        growth = one.mean(LAST, length_s) - one.mean(FIRST, length_s)
        grown |= growth > (MAY_GROW_MIB if length_s < LONG_S else LONG_MAY_GROW_MIB)
        tenths = " | ".join(f"{one.mean((n / 10, n / 10 + 0.1), length_s):.1f}" for n in range(10))
        print(f"| {name} | {tenths} | {growth:+.1f} | {cpu_s.get(name, 0) / length_s:.1%} |")
    return grown


def _usage(pid: int) -> tuple[float, float]:
    """Resident MiB, and seconds of CPU; zeros when it is gone."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
        words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0, 0.0
    ticks = int(words[11]) + int(words[12])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20, ticks / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    sys.exit(main())
