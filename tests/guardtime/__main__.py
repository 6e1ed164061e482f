"""`make guardtime N=100`: from a breach being measurable to the fault being gone, read back and seen from outside.

Each run breaks what customers ask for, the guard aborts it, and its record says when the breach could be measured and
when the revert was read back; a thread that asks Toxiproxy's API, the kernel, the engine or the web server itself every
10 ms says when it really was gone. Prints the table of docs/reliability.md.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from chaos.store import Store

from .cases import CASES, Case
from .grounds import ROOT, Containers, Ground, start_time_s
from .record import Times, times

Row = dict[str, Any]
SUMS = {"**links and pauses**": ("link", "pause"), "**services** (read back: healthy)": ("service",)}
GROUNDS = {"embedded": Ground, "compose": Containers}
LOOK_S = 0.01


class Watcher(threading.Thread):
    """When what was broken was last seen as broken; CLOCK_MONOTONIC."""

    def __init__(self, broken: Callable[[], bool]) -> None:
        super().__init__(daemon=True)
        self._broken = broken
        self._end = threading.Event()
        self.well_s: float | None = None

    def run(self) -> None:
        seen = False
        while not self._end.wait(LOOK_S):
            if self._broken():
                seen, self.well_s = True, None
            elif seen and self.well_s is None:
                self.well_s = time.monotonic()

    def stop(self) -> None:
        self._end.set()
        self.join(timeout=10)


def once(ground: Ground, case: Case) -> Row:
    """One run, measured."""
    file = ground.folder / "run.yaml"
    file.write_text(case.text())
    watcher = Watcher(lambda: ground.broken(case.kind))
    watcher.start()
    run = subprocess.Popen(
        ground.words("run", str(file)), cwd=ROOT, env=ground.environment(), stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    said, _ = run.communicate(timeout=120)
    watcher.stop()
    row: Row = {"platform": ground.platform, "case": case.name, "kind": case.kind, "load": os.getloadavg()[0]}
    if run.returncode != 1:
        return row | {"wrong": f"exit {run.returncode}: {said.strip()[-400:]}"}
    with Store.open(str(ground.state / "runs.db")) as store:
        found = times(store.read(store.runs(1)[0].id))
    if not isinstance(found, Times):
        return row | {"wrong": found}
    if watcher.well_s is None:
        return row | {"wrong": "from outside it was never seen to be broken and then well"}
    return row | {
        "seen": found.seen_s - found.measurable_s,
        "issued": found.issued_s - found.measurable_s,
        "reverted": found.reverted_s - found.measurable_s,
        "outside": watcher.well_s - found.t0_s - found.measurable_s,
    }


def table(rows: list[Row]) -> str:
    """As it stands in docs/reliability.md."""
    lines = [
        "| on | what | runs | seen by the guard: median | read back: median | p99 | longest | from outside: p99 |",
        "|---|---|---|---|---|---|---|---|",
    ]
    good = [row for row in rows if "reverted" in row]
    more: list[str] = []
    for platform in dict.fromkeys(row["platform"] for row in good):
        here = [row for row in good if row["platform"] == platform]
        for name in dict.fromkeys(row["case"] for row in here):
            lines.append(_line(platform, name, [row for row in here if row["case"] == name]))
        for name, kinds in SUMS.items():
            if these := [row for row in here if row["kind"] in kinds]:
                lines.append(_line(platform, name, these))
        if services := [row["issued"] for row in here if row["kind"] == "service"]:
            begun = f"median {statistics.median(services):.2f} s, p99 {_p99(services):.2f} s"
            more += ["", f"On {platform}, starting a service again was begun after: {begun}."]
    loads = [row["load"] for row in rows]
    wrong = [f"- {row['platform']}, {row['case']}: {row['wrong']}" for row in rows if "wrong" in row]
    more += ["", f"{len(rows)} runs, {len(wrong)} without a figure; load {min(loads):.0f} to {max(loads):.0f}."]
    return "\n".join([*lines, *more, *wrong])


def _line(platform: str, name: str, rows: list[Row]) -> str:
    seen, back, outside = ([row[word] for row in rows] for word in ("seen", "reverted", "outside"))
    figures = (statistics.median(seen), statistics.median(back), _p99(back), max(back), _p99(outside))
    return f"| {platform} | {name} | {len(rows)} | {' | '.join(f'{each:.2f} s' for each in figures)} |"


def _p99(values: Iterable[float]) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, math.ceil(0.99 * len(ordered)) - 1)]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.guardtime", description=__doc__)
    parser.add_argument("--runs", type=int, default=8, help="in all, the cases taking turns (default 8: each once)")
    parser.add_argument("--platform", choices=tuple(GROUNDS), default="embedded")
    parser.add_argument("--kinds", default="link,pause,service", help="which of link,pause,service")
    parser.add_argument("--file", type=Path, default=ROOT / ".guardtime" / "runs.jsonl", help="it goes on with this")
    arguments = parser.parse_args()
    arguments.file.parent.mkdir(parents=True, exist_ok=True)
    cases = [case for case in CASES if case.kind in arguments.kinds.split(",")]
    with GROUNDS[arguments.platform]() as ground, arguments.file.open("a") as file:
        for number in range(arguments.runs):
            row = once(ground, cases[number % len(cases)])
            file.write(json.dumps(row) + "\n")
            file.flush()
            print(number + 1, json.dumps(row), file=sys.stderr, flush=True)
    print(table([json.loads(line) for line in arguments.file.read_text().splitlines()]))
    print(f"\nThe web server itself takes {start_time_s():.2f} s to start (median).")
    return 0


if __name__ == "__main__":
    sys.exit(main())
