"""Taking faults back, by whoever: the runner, its watchdog, or `saleproof recover`. One way for all of them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Literal

from chaos import faults
from chaos.engine.ledger import Entry, Ledger
from chaos.model.event import AnyEvent, FaultReverted, FaultStuck

By = Literal["runner", "watchdog", "recover"]

# Tries per fault. The proxy client has its own escalation inside one try (disable, delete, enable; then recreate).
TRIES = 3
PAUSE_S = 0.3


def revert_all(
    ledger: Ledger, entries: Iterable[Entry], *, by: By, at_s: Callable[[], float], emit: Callable[[AnyEvent], None]
) -> tuple[FaultStuck, ...]:
    """Revert in reverse order, go on after one fails, and close each entry once it was read back as gone.

    Returns what is stuck; each of those stays in the ledger. Never raises for a fault.
    """
    stuck = []
    for entry in reversed(list(entries)):
        started = time.monotonic()
        error = _revert_one(entry)
        if error is None:
            ledger.close(entry)
            took_s = time.monotonic() - started
            emit(FaultReverted(at_s=at_s(), fault=entry.fault, place=entry.place, took_s=took_s, by=by))
        else:
            left = FaultStuck(
                at_s=at_s(), fault=entry.fault, place=entry.place, error=error, remedy="then: saleproof recover"
            )
            emit(left)
            stuck.append(left)
    return tuple(stuck)


def _revert_one(entry: Entry) -> str | None:
    """None once it is gone, else why not."""
    error = ""
    for attempt in range(TRIES):
        if attempt:
            time.sleep(PAUSE_S * attempt)
        try:
            faults.revert(entry.undo)
            if not faults.is_present(entry.undo):
                return None
            error = "it was reverted and is still there"
        except Exception as cause:  # whatever a fault's own code raises must not keep the others from being reverted
            error = str(cause) or type(cause).__name__
    return error
