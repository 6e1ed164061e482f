"""`saleproof halt`: the big red button. Every run on this machine reverts and stops; none begins until `resume`."""

from __future__ import annotations

import argparse
import time

from chaos.cli.common import json_option, out, out_json, say

# Not from typing, which takes 3 ms to import: `saleproof --help` is to be quick.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path

    from chaos.engine.ledger import Entry
    from chaos.engine.lock import Holder

HELP = "revert and stop every run on this machine, and refuse new ones until `resume`"
EXAMPLES = """\
  saleproof halt
  saleproof halt --reason "the sale has begun"
  touch ~/.local/state/saleproof/halt       the same by hand, where there is no saleproof command
"""

POLL_S = 0.1


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--reason", metavar="TEXT", default="", help="why; whoever is refused reads it")
    parser.add_argument(
        "--timeout", metavar="DURATION", default="30s",
        help="wait so long for the runs to revert and end (default: 30s); the halt itself is at once",
    )  # fmt: skip
    json_option(parser)


def run(arguments: argparse.Namespace) -> int:
    """Exits with 0 once no fault is open and no run is left, 3 when a fault may still be in place, 69 when every fault
    is reverted and a run has not ended in time. The machine is halted in each case."""
    from chaos.engine.halt import HaltFile, person
    from chaos.errors import RevertFailed, Unavailable, UsageError
    from chaos.state import state_dir
    from chaos.units import Duration

    try:
        timeout_s = float(Duration.parse(arguments.timeout))
    except ValueError as wrong:
        raise UsageError(f"--timeout: {wrong}") from wrong
    state = state_dir()
    began_s = time.monotonic()
    halt, new = HaltFile(state).write(person(), arguments.reason)
    if not arguments.json:
        say(str(halt) if new else f"already {halt}")
    seen, reverted_s, entries, runs = _wait(state, began_s + timeout_s, quiet=arguments.json)
    took_s = time.monotonic() - began_s
    code = RevertFailed.exit_code if entries else Unavailable.exit_code if runs else 0
    if arguments.json:
        out_json({
            "halt": halt, "already": not new, "runs": sorted(seen), "still_running": runs, "still_open": entries,
            "reverted_s": reverted_s and reverted_s - began_s, "took_s": took_s,
        })  # fmt: skip
    else:
        out(_words(seen, entries, runs, took_s))
    return code


def _wait(
    state: Path, until_s: float, *, quiet: bool
) -> tuple[set[str], float | None, tuple[Entry, ...], tuple[Holder, ...]]:
    """Until nothing is open and nobody runs, or the time is up. The runs that were seen, when the ledger was first
    empty (monotonic), and what is left."""
    from chaos.engine.ledger import Ledger
    from chaos.engine.lock import holders

    ledger = Ledger(state / "ledger")
    seen: set[str] = set()
    reverted_s: float | None = None
    while True:
        # The runs first: one that was seen to be over injects nothing between the two looks.
        runs = tuple(h for h in holders(state / "locks") if h.run)
        entries = ledger.entries()
        if not seen and not quiet and (runs or entries):
            say("waiting for: " + ", ".join(sorted({h.by for h in runs} | {f"run {e.run}" for e in entries})))
        seen |= {h.run for h in runs} | {e.run for e in entries}
        if entries:
            reverted_s = None
        elif reverted_s is None:
            reverted_s = time.monotonic()
            if seen and not quiet:
                say("no fault is in place any more")
        if not (runs or entries) or time.monotonic() >= until_s:
            return seen, reverted_s, entries, runs
        time.sleep(POLL_S)


def _words(seen: set[str], entries: tuple[Entry, ...], runs: tuple[Holder, ...], took_s: float) -> str:
    again = "; new runs are refused until: saleproof resume"
    if entries:
        left = ", ".join(f"{e.text or e.undo.kind} on {e.place} (run {e.run})" for e in entries)
        who = ", ".join(f"kill -9 {h.pid}" for h in runs)
        next_step = f"end the run with: {who}; its watchdog reverts it" if runs else "revert it with: saleproof recover"
        return f"NOT reverted after {took_s:.1f} s: {left}; {next_step}{again}"
    if runs:
        left = ", ".join(f"{h.by} (pid {h.pid})" for h in runs)
        return f"every fault is reverted; still ending after {took_s:.1f} s: {left}{again}"
    if not seen:
        return f"nothing was running{again}"
    return f"{len(seen)} run{'s' if len(seen) > 1 else ''} reverted and ended within {took_s:.1f} s{again}"
