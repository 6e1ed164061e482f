"""What a dead runner had asked for last may be done after its revert was read back: a request may be on a slow way.

Where a lease is kept it is refused then, or the keeper takes it back. Where nothing keeps leases (a plain Toxiproxy,
the user's own `http`), whoever has reverted for the dead runner looks again for a while.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path

from chaos import faults
from chaos.engine.ledger import Entry, Ledger
from chaos.engine.lock import TargetLock
from chaos.errors import Refused
from chaos.model.lease import LATE_S

LOOK_EVERY_S = 0.5
# Nobody carries a request of ours for so long, whose sender would have given up after some seconds.
ON_ITS_WAY_S = 60.0
# What users bring themselves, and is asked for by a request.
ASKED_FOR = frozenset({"http"})


def may_come(entries: Iterable[Entry]) -> tuple[Entry, ...]:
    """Those that were asked for a short while ago, of somebody who keeps no leases."""
    return tuple(entry for entry in entries if not entry.undo.lease and _is_asked_for(entry) and _is_recent(entry))


def take_back(ledger: Ledger, locks: Path, entries: Iterable[Entry], *, tell: Callable[[Entry, str], None]) -> None:
    """Look at those that were reverted again and again, and take back what comes. What cannot be is in the ledger anew.

    The target is locked meanwhile: what the next run does there is not ours to take back. Where a run has it already,
    nobody looks: its preflight has found nothing, and finds what came before it. Never raises for a fault.
    """
    stuck = ledger.entries()
    reverted = [entry for entry in entries if entry not in stuck]
    for target in dict.fromkeys(entry.target for entry in reverted):
        of_target = [entry for entry in reverted if entry.target == target]
        with contextlib.suppress(Refused), TargetLock(locks, target, "whoever looks for what a dead run had asked for"):
            until_s = time.monotonic() + LATE_S
            while time.monotonic() < until_s:
                for entry in of_target:
                    _look(ledger, entry, tell)
                time.sleep(LOOK_EVERY_S)


def _look(ledger: Ledger, entry: Entry, tell: Callable[[Entry, str], None]) -> None:
    with contextlib.suppress(Exception):  # who does not answer now is asked again
        if not faults.is_present(entry.undo):
            return
        with contextlib.suppress(Exception):
            ledger.open(entry)
        faults.revert(entry.undo)
        if not faults.is_present(entry.undo):
            ledger.close(entry)
            tell(entry, f"{entry.undo.kind} on {entry.place} came after its revert, and was taken back")


def _is_asked_for(entry: Entry) -> bool:
    return entry.undo.kind in ASKED_FOR or faults.holder(entry.undo) is not None


def _is_recent(entry: Entry) -> bool:
    """One that does not say when it was asked for may be."""
    try:
        asked = datetime.fromisoformat(entry.opened_at)
    except ValueError:
        return True
    return (datetime.now(UTC) - asked).total_seconds() < ON_ITS_WAY_S
