"""`saleproof recover`: take back whatever a dead run left in place."""

from __future__ import annotations

import argparse
import time

from chaos.cli.common import json_option, out, out_json, say

TYPE_CHECKING = False
if TYPE_CHECKING:
    from chaos.model.event import AnyEvent

HELP = "revert every fault that the ledger still has, and read back that it is gone"
EXAMPLES = "  saleproof recover\n"


def arguments(parser: argparse.ArgumentParser) -> None:
    json_option(parser)


def run(arguments: argparse.Namespace) -> int:
    """Exits with 0 when nothing is left, 3 when something is. Raises: Refused while the run is still alive."""
    import os

    from chaos.engine.ledger import Ledger
    from chaos.engine.revert import revert_all
    from chaos.errors import Refused, RevertFailed
    from chaos.model.event import FaultReverted, FaultStuck
    from chaos.state import state_dir

    ledger = Ledger(state_dir() / "ledger")
    entries = ledger.entries()
    for entry in entries:
        if _alive(entry.pid) and entry.pid != os.getpid():
            raise Refused(
                f"run {entry.run} (pid {entry.pid}) is still alive and reverts its own faults; "
                f"end it with: kill -TERM {entry.pid}"
            )
    happened: list[tuple[str, AnyEvent]] = []
    stuck: list[FaultStuck] = []
    for run_id in dict.fromkeys(entry.run for entry in entries):
        events: list[AnyEvent] = []
        of_run = [entry for entry in entries if entry.run == run_id]
        stuck += revert_all(ledger, of_run, by="recover", at_s=time.monotonic, emit=events.append)
        happened += [(run_id, event) for event in events]
    _record(happened)
    for _, event in happened:
        if isinstance(event, FaultReverted):
            say(f"  reverted, and read back: {event.fault} {event.place} ({event.took_s:.2f} s)")
        elif isinstance(event, FaultStuck):
            say(f"  NOT reverted: {event.fault} {event.place}: {event.error}")
    damaged = ledger.damaged()
    for line in damaged:
        say(line)
    from chaos.platforms.compose.recover import clear_all

    for line in clear_all():
        say(line)
    reverted = len(entries) - len(stuck)
    if arguments.json:
        out_json({"found": len(entries), "reverted": reverted, "stuck": stuck, "damaged": damaged})
    elif entries:
        out(f"{reverted} of {len(entries)} faults reverted")
    elif not damaged:
        out("nothing to recover: the ledger is empty")
    return RevertFailed.exit_code if stuck or damaged else 0


def _record(happened: list[tuple[str, AnyEvent]]) -> None:
    """Into the runs' own records, on their own clocks, and judge them again: what was still in place is not any more.
    A run that was never recorded, or a store that does not open, must not keep anybody from recovering."""
    import msgspec

    from chaos.cli.common import open_store
    from chaos.errors import SaleproofError
    from chaos.judge import judge
    from chaos.model.event import RunStarted

    if not happened:
        return
    try:
        with open_store() as store:
            for run_id in dict.fromkeys(run for run, _ in happened):
                journal = store.read(run_id)
                t0_s = next((e.t0_s for e in journal.events if isinstance(e, RunStarted)), 0.0)
                last_s = max((e.at_s for e in journal.events), default=0.0)
                # After a reboot the clock has begun anew; then it was some time after the last thing on record.
                events = [
                    msgspec.structs.replace(e, at_s=max(last_s, e.at_s - t0_s)) for run, e in happened if run == run_id
                ]
                store.append(run_id, events, status=journal.run.status or "crashed")
                store.save_verdict(judge(store.read(run_id)))
    except SaleproofError as error:
        say(f"  this is not in the record: {error}")


def _alive(pid: int) -> bool:
    """Is that process still a Saleproof run?"""
    from pathlib import Path

    try:
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False
    return b"saleproof" in command or b"chaos" in command
