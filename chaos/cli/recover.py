"""`saleproof recover`: take back whatever a dead run left in place."""

from __future__ import annotations

import argparse
import time

from chaos.cli.common import json_option, out, out_json, say

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
    from chaos.model.event import AnyEvent, FaultReverted, FaultStuck
    from chaos.state import state_dir

    ledger = Ledger(state_dir() / "ledger")
    entries = ledger.entries()
    for entry in entries:
        if _alive(entry.pid) and entry.pid != os.getpid():
            raise Refused(
                f"run {entry.run} (pid {entry.pid}) is still alive and reverts its own faults; "
                f"end it with: kill -TERM {entry.pid}"
            )
    began, seen = time.monotonic(), []

    def emit(event: AnyEvent) -> None:
        seen.append(event)
        if arguments.json:
            return
        if isinstance(event, FaultReverted):
            say(f"  reverted, and read back: {event.fault} {event.place} ({event.took_s:.2f} s)")
        elif isinstance(event, FaultStuck):
            say(f"  NOT reverted: {event.fault} {event.place}: {event.error}")

    stuck = revert_all(ledger, entries, by="recover", at_s=lambda: time.monotonic() - began, emit=emit)
    if arguments.json:
        out_json({"found": len(entries), "reverted": len(entries) - len(stuck), "stuck": stuck})
    else:
        out(
            f"{len(entries) - len(stuck)} of {len(entries)} faults reverted"
            if entries
            else "nothing to recover: the ledger is empty"
        )
    return RevertFailed.exit_code if stuck else 0


def _alive(pid: int) -> bool:
    """Is that process still a Saleproof run?"""
    from pathlib import Path

    try:
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False
    return b"saleproof" in command or b"chaos" in command
