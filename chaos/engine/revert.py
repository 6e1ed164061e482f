"""Taking faults back, by whoever: the runner, its watchdog, or `saleproof recover`. One way for all of them."""

from __future__ import annotations

import contextlib
import itertools
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Literal

import msgspec

from chaos import faults
from chaos.engine.ledger import Entry, Ledger
from chaos.faults.shared import lease as places
from chaos.faults.shared.lease import Holder
from chaos.model.event import AnyEvent, FaultReverted, FaultStuck

By = Literal["runner", "watchdog", "recover"]

# Tries per fault. The proxy client has its own escalation inside one try (disable, delete, enable; then recreate).
TRIES = 3
PAUSE_S = 0.3
# All reverts of one pass together; after that, what is left gets one try each. Independent of the run's own time.
BUDGET_S = 20.0
# Places of one fault at once: one that hangs must not hold up the others.
AT_ONCE = 8


def revert_all(
    ledger: Ledger, entries: Iterable[Entry], *, by: By, at_s: Callable[[], float], emit: Callable[[AnyEvent], None]
) -> tuple[FaultStuck, ...]:
    """Revert fault by fault in reverse order, the places of one at the same time; go on after one fails; close each
    entry once it was read back as gone.

    Returns what is stuck; each of those stays in the ledger. Never raises for a fault. Once what was emitted is in the
    record, the caller says so: `ledger.told`.
    """
    deadline_s = time.monotonic() + BUDGET_S
    last_first = list(reversed(list(entries)))
    stuck: list[FaultStuck] = []
    with ThreadPoolExecutor(max_workers=AT_ONCE, thread_name_prefix="revert") as pool:
        for _, places in itertools.groupby(last_first, key=lambda entry: (entry.run, entry.fault)):
            jobs = [pool.submit(_revert_and_close, ledger, entry, deadline_s, by, at_s) for entry in places]
            for job in jobs:
                event = job.result()
                emit(event)
                if isinstance(event, FaultStuck):
                    stuck.append(event)
    return tuple(stuck)


def _revert_and_close(
    ledger: Ledger, entry: Entry, deadline_s: float, by: By, at_s: Callable[[], float]
) -> FaultReverted | FaultStuck:
    started = time.monotonic()
    holder = faults.holder(entry.undo) if entry.undo.lease and by != "runner" else None
    # What the dead runner had asked for last may still be on its way: under a lease that is over it is refused, and
    # does not come after the revert. Our agent refuses nothing, but looks again for a while; there it can wait.
    first = holder is not None and holder.kind != "agent"
    if first:
        _end_lease(holder, entry)
    error = _revert_one(entry, deadline_s)
    if not first:
        _end_lease(holder, entry)
    remedy = "then: saleproof recover"
    if error is None:
        ended = time.monotonic()
        event = FaultReverted(at_s=at_s(), fault=entry.fault, place=entry.place, took_s=ended - started, by=by)
        try:
            ledger.close(entry, msgspec.structs.replace(event, at_s=ended))
        except OSError as cause:
            error, remedy = f"it is gone, but its ledger entry cannot be removed: {cause}", f"remove {entry.file_name}"
        else:
            return event
    return FaultStuck(at_s=at_s(), fault=entry.fault, place=entry.place, error=error, remedy=remedy)


def _end_lease(holder: Holder | None, entry: Entry) -> None:
    """Where nobody answers, reverting says so."""
    if holder is not None:
        with contextlib.suppress(Exception):
            places.release(holder, entry.undo.lease)


def _revert_one(entry: Entry, deadline_s: float) -> str | None:
    """None once it is gone, else why not."""
    error = ""
    for attempt in range(TRIES):
        if attempt:
            if time.monotonic() > deadline_s:
                break
            time.sleep(PAUSE_S * attempt)
        try:
            faults.revert(entry.undo)
            if not faults.is_present(entry.undo):
                return None
            error = "it was reverted and is still there"
        except Exception as cause:  # whatever a fault's own code raises must not keep the others from being reverted
            error = str(cause) or type(cause).__name__
    return error
