"""`python -m tests.calibration.shop`: the real shop, again and again: runs without a fault, and the whole catalogue.

On the embedded platform, with the profile `ci`. A round brings each variant up, runs the control a few times and every
experiment once. Goes on where it was interrupted; prints how many were run, and what that proves.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import json
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chaos.planner import platforms_for
from chaos.spec import load_experiment

from ..e2e.conftest import ROOT, Saleproof
from .suite import at_least, at_most, percent
from .table import write

CONTROL = "no-fault"
OUTCOMES = ("held", "deviated", "inconclusive")
Row = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Task:
    """One run. `number` counts the runs of one experiment on one variant."""

    variant: str
    experiment: str
    number: int

    @property
    def key(self) -> str:
        return f"{self.variant}/{self.experiment}/{self.number}"


def expected() -> dict[tuple[str, str], str]:
    """(variant, experiment) -> the outcome that its file expects there; of all that run on the embedded platform."""
    found = {}
    for path in sorted((ROOT / "experiments").glob("*.yaml")):
        experiment, _ = load_experiment(path)
        if "embedded" in platforms_for(experiment):
            found |= {(v, path.stem): text.partition(":")[0] for v, text in experiment.expects.items()}
    return found


def rounds(count: int, controls: int) -> Iterator[tuple[str, list[Task]]]:
    """A variant and what is run on it while it is up."""
    pairs = expected()
    for turn in range(count):
        for variant in dict.fromkeys(variant for variant, _ in pairs):
            tasks = [Task(variant=variant, experiment=CONTROL, number=turn * controls + n) for n in range(controls)]
            tasks += [
                Task(variant=variant, experiment=name, number=turn)
                for v, name in pairs if v == variant and name != CONTROL
            ]  # fmt: skip
            yield variant, tasks


def read(path: Path) -> dict[str, Row]:
    rows = {}
    for line in path.read_text().splitlines() if path.exists() else ():
        with contextlib.suppress(ValueError):
            row = json.loads(line)
            rows[row["key"]] = row
    return rows


def table(rows: list[Row]) -> str:
    """Markdown: the runs without a fault, and the confusion table."""
    control = [row for row in rows if row["experiment"] == CONTROL]
    lines = [
        "| runs without a fault | held | deviated | inconclusive | 99 % upper bound of deviated |",
        "|---|---|---|---|---|",
    ]
    for variant in [*dict.fromkeys(row["variant"] for row in control), "both"] if control else []:
        of = [row for row in control if variant in (row["variant"], "both")]
        counts = [sum(row["outcome"] == outcome for row in of) for outcome in OUTCOMES]
        lines.append(
            f"| {variant}: {len(of)} | {' | '.join(map(str, counts))} | {percent(at_most(counts[1], len(of)))} |"
        )
    head = ("experiment", "variant", "expected", "runs", *OUTCOMES, "as expected, at least (99 %)")
    lines += ["", f"| {' | '.join(head)} |", "|" + "---|" * len(head)]
    for (variant, name), outcome in expected().items():
        of = [row for row in rows if (row["variant"], row["experiment"]) == (variant, name)]
        if not of or name == CONTROL:
            continue
        counts = [sum(row["outcome"] == each for row in of) for each in OUTCOMES]
        sure = percent(at_least(counts[OUTCOMES.index(outcome)], len(of)))
        lines.append(
            f"| `{name}` | {variant} | {outcome} | {len(of)} | {' | '.join(map(str, counts))} | {sure} |"
        )  # fmt: skip
    others = [row for row in rows if row["experiment"] != CONTROL]
    right = len(others) - len(unexpected(others))
    sure = percent(at_least(right, len(others))) if others else "0 %"
    lines += ["", f"Of all {len(others)} runs of the catalogue, {right} were as expected: at least {sure} (99 %)."]
    return "\n".join(lines)


def unexpected(rows: list[Row]) -> list[Row]:
    known = expected()
    return [row for row in rows if row["outcome"] != known.get((row["variant"], row["experiment"]))]


class Driver:
    """Brings the shop up, runs, and writes down."""

    def __init__(self, file: Path, lock: Path | None) -> None:
        self.file, self.lock, self.ending = file, lock, False
        self.saleproof = Saleproof(state=Path(tempfile.mkdtemp(prefix="calibration-")) / "state")

    def do(self, count: int, controls: int) -> None:
        done = read(self.file)
        try:
            for variant, tasks in rounds(count, controls):
                todo = [task for task in tasks if task.key not in done]
                if todo and not self.ending:
                    self._variant(variant, todo)
        finally:
            self.saleproof("recover")
            self.saleproof("down")
            shutil.rmtree(self.saleproof.state.parent, ignore_errors=True)

    def _variant(self, variant: str, todo: list[Task]) -> None:
        with self._alone():
            if self.ending:
                return
            up = self.saleproof("up", "--variant", variant)
        if up.returncode:
            print(f"the shop does not come up: {up.stderr.strip()}", file=sys.stderr)
            return
        try:
            for task in todo:
                with self._alone():
                    if self.ending:
                        return
                    self._run(task)
        finally:
            self.saleproof("down")

    def _run(self, task: Task) -> None:
        began_s = time.monotonic()
        file = ROOT / "experiments" / f"{task.experiment}.yaml"
        done = self.saleproof("run", str(file), "--profile", "ci", "--variant", task.variant, "--json")
        try:
            verdict = json.loads(done.stdout)
        except ValueError:
            verdict = {"outcome": "none", "reasons": [done.stderr.strip()[-500:]], "checks": []}
        row = {
            "key": task.key, "variant": task.variant, "experiment": task.experiment, "outcome": verdict["outcome"],
            "exit": done.returncode, "reasons": verdict["reasons"][:4], "took_s": round(time.monotonic() - began_s, 1),
            "lag_p99_s": verdict.get("generator_lag_p99_s"),
            "alarms": [c["condition"] for c in verdict["checks"] if c["outcome"] == "deviated"],
        }  # fmt: skip
        with self.file.open("a") as out:
            out.write(json.dumps(row) + "\n")
        print(f"{task.key}: {row['outcome']} in {row['took_s']} s", file=sys.stderr, flush=True)

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """Other loads of this machine that know the lock wait meanwhile, and the other way round."""
        if self.lock is None:
            yield
            return
        with self.lock.open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.calibration.shop", description=__doc__)
    parser.add_argument(
        "--rounds", type=int, default=20, metavar="N", help="so many of each experiment and variant (20)"
    )
    parser.add_argument("--controls", type=int, default=5, metavar="N", help="runs without a fault, a round (5)")
    parser.add_argument("--file", type=Path, default=Path(".calibration/shop.jsonl"), help="where results are kept")
    parser.add_argument("--lock", type=Path, default=None, metavar="FILE", help="locked for each run (flock)")
    parser.add_argument("--table", action="store_true", help="only print the table of what was done so far")
    parser.add_argument("--write", action="store_true", help="put the table into docs/verdicts.md as well")
    arguments = parser.parse_args()
    arguments.file.parent.mkdir(parents=True, exist_ok=True)
    if not arguments.table:
        driver = Driver(arguments.file, arguments.lock)
        for each in (signal.SIGINT, signal.SIGTERM):
            signal.signal(each, lambda *_: setattr(driver, "ending", True))
        driver.do(arguments.rounds, arguments.controls)
    rows = list(read(arguments.file).values())
    print(table(rows))
    if arguments.write:
        write("shop", table(rows))
    for row in unexpected(rows):
        print(f"{row['key']}: {row['outcome']}: {'; '.join(row['reasons'])}", file=sys.stderr)
    return 1 if unexpected(rows) else 0


if __name__ == "__main__":
    sys.exit(main())
