"""What was done so far, in a file that a later call goes on with, and the table of it."""

from __future__ import annotations

import fcntl
import json
import math
import statistics
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

Row = dict[str, Any]


class Tally:
    """One JSON line for every iteration. A last line that was torn is done again."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)

    def rows(self) -> list[Row]:
        found = {}
        if self.path.exists():
            for line in self.path.read_text().splitlines():
                try:
                    row = json.loads(line)
                except ValueError:
                    continue
                found[row["number"]] = row
        return [found[number] for number in sorted(found)]

    def add(self, row: Row) -> None:
        with self.path.open("a") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            file.write("\n" + json.dumps(row) if self._torn() else json.dumps(row))
            file.write("\n")

    def _torn(self) -> bool:
        with self.path.open("rb") as file:
            content = file.read()
        return bool(content) and not content.endswith(b"\n")


def bad(row: Row) -> bool:
    """Something was left, or the record is not right."""
    return bool(row["left"] or row["damaged"])


def table(rows: list[Row]) -> str:
    """As it stands in docs/reliability.md."""
    kills = [row for row in rows if row["killed"]]
    agents = any("agent" in row["killed"] for row in kills)
    lines = [
        f"{len(rows)} runs, {len(kills)} of them killed, "
        f"{sum(1 for row in kills if row['in_place'])} with their fault in place",
        "",
        "| killed | runs | fault in place | left | damaged records | kill to reverted: median | p99 | longest |",
        "|---|---|---|---|---|---|---|---|",
        _line("the runner: the watchdog reverts", kills, lambda row: set(row["killed"]) == {"runner"}),
        _line("the watchdog: the runner reverts", kills, lambda row: set(row["killed"]) == {"watchdog"}),
        _line("both: `saleproof recover` reverts", kills, lambda row: set(row["killed"]) == {"runner", "watchdog"}),
        *([_line("the agent, alone or besides", kills, lambda row: "agent" in row["killed"])] if agents else []),
        _line("all", kills, lambda row: True),
        "",
        "| fault | kills | fault in place | left | damaged records | kill to reverted: median | p99 | longest |",
        "|---|---|---|---|---|---|---|---|",
    ]
    lines += [
        _line(f"`{fault}`", kills, lambda row, fault=fault: row["fault"] == fault)
        for fault in dict.fromkeys(row["fault"] for row in kills)
    ]
    return "\n".join(lines)


def _line(name: str, rows: Iterable[Row], which: Callable[[Row], bool]) -> str:
    of = [row for row in rows if which(row)]
    left, damaged = (sum(1 for row in of if row[key]) for key in ("left", "damaged"))
    times = sorted(row["reverted_s"] for row in of if row["reverted_s"] is not None)
    figures = [f"{s:.2f} s" for s in (statistics.median(times), percentile(times, 0.99), times[-1])] if times else "---"
    return f"| {name} | {len(of)} | {sum(row['in_place'] for row in of)} | {left} | {damaged} | {' | '.join(figures)} |"


def percentile(ordered: list[float], share: float) -> float:
    """The smallest that so large a share of them does not exceed (nearest rank)."""
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]
