"""`saleproof recover`: take back whatever a dead run left in place."""

from __future__ import annotations

import argparse
import time

from chaos.cli.common import json_option, out, out_json, say

TYPE_CHECKING = False
if TYPE_CHECKING:
    from chaos.engine.ledger import Entry, Ledger
    from chaos.model.event import AnyEvent
    from chaos.store import Store

HELP = "revert every fault that dead runs left in the ledger, and read back that it is gone"
EXAMPLES = "  saleproof recover\n"


def arguments(parser: argparse.ArgumentParser) -> None:
    json_option(parser)


def run(arguments: argparse.Namespace) -> int:
    """Exits with 0 when no dead run's fault is left, 3 when one is. Raises: Refused when all are of runs that are still
    alive."""
    from chaos.engine.late import may_come
    from chaos.engine.ledger import Ledger
    from chaos.errors import RevertFailed
    from chaos.model.event import FaultStuck
    from chaos.state import state_dir

    ledger = Ledger(state_dir() / "ledger")
    _leave_alive(ledger)
    # A watchdog may be at it just now; it is waited for.
    with ledger.alone():
        late = may_come(_of_dead(ledger))
        ledger.sweep()
        found, happened = _revert(ledger)
    _say(happened)
    if late:
        happened += _look_again(ledger, late)
    stuck = [event for _, event in happened if isinstance(event, FaultStuck)]
    damaged = ledger.damaged()
    for line in damaged:
        say(line)
    for line in _attached():
        say(line)
    reverted = found - len(stuck)
    if arguments.json:
        out_json({"found": found, "reverted": reverted, "stuck": stuck, "damaged": damaged})
    elif found:
        out(f"{reverted} of {found} faults reverted")
    elif not damaged:
        out("nothing to recover: the ledger is empty")
    return RevertFailed.exit_code if stuck or damaged else 0


def _attached() -> list[str]:
    """What was put beside projects. Where nobody can tell, that is no word on the faults."""
    from chaos.errors import SaleproofError
    from chaos.platforms.compose.recover import clear_all

    try:
        return clear_all()
    except SaleproofError as error:
        return [f"  what was attached to projects could not be looked at: {error}"]


def _leave_alive(ledger: Ledger) -> None:
    """A living run, on whichever target, keeps nobody from reverting a dead one's faults. Raises: Refused when there
    are no others."""
    from chaos.errors import Refused

    living = {entry.run: entry.pid for entry in ledger.entries() if _alive(entry)}
    told = [
        f"run {run} (pid {pid}) is still alive and reverts its own faults; end it with: kill -TERM {pid}; where that "
        f"does nothing: kill -9 {pid}"
        for run, pid in living.items()
    ]
    if told and not _of_dead(ledger) and not ledger.damaged():
        raise Refused(told[0])
    for line in told:
        say(f"  left alone: {line}")


def _of_dead(ledger: Ledger) -> tuple[Entry, ...]:
    return tuple(entry for entry in ledger.entries() if not _alive(entry))


def _alive(entry: Entry) -> bool:
    """An old entry has the pid alone, which may be ours by now."""
    import os

    return entry.alive and entry.pid != os.getpid()


def _look_again(ledger: Ledger, late: tuple[Entry, ...]) -> list[tuple[str, AnyEvent]]:
    """Where nothing keeps leases, what the dead runner had asked for last may still come. What then cannot be taken
    back is in the ledger again, and stuck."""
    from chaos.engine.late import take_back
    from chaos.model.event import FaultStuck, Noted
    from chaos.model.lease import LATE_S
    from chaos.state import state_dir

    happened: list[tuple[str, AnyEvent]] = []

    def tell(entry: Entry, text: str) -> None:
        say(f"  {text}")
        happened.append((entry.run, Noted(at_s=time.monotonic(), text=text)))

    stuck = ledger.entries()
    say(f"  nothing keeps leases there: looking for {LATE_S:g} s whether something comes late")
    take_back(ledger, state_dir() / "locks", late, tell=tell)
    _record(happened)
    return [
        (entry.run, FaultStuck(
            at_s=time.monotonic(), fault=entry.fault, place=entry.place, error="it came after its revert",
            remedy="then: saleproof recover",
        ))
        for entry in ledger.entries() if entry in late and entry not in stuck
    ]  # fmt: skip


def _revert(ledger: Ledger) -> tuple[int, list[tuple[str, AnyEvent]]]:
    """All that is open, and the record of it: how many there were, and what became of each."""
    from chaos.engine.revert import revert_all

    entries = _of_dead(ledger)
    # What dead runners and watchdogs had reverted and could not say any more.
    untold: list[tuple[str, AnyEvent]] = [(u.run, u.event) for u in ledger.untold() if not u.alive]
    happened: list[tuple[str, AnyEvent]] = []
    for run_id in dict.fromkeys(entry.run for entry in entries):
        events: list[AnyEvent] = []
        of_run = [entry for entry in entries if entry.run == run_id]
        revert_all(ledger, of_run, by="recover", at_s=time.monotonic, emit=events.append)
        happened += [(run_id, event) for event in events]
    for run_id in _record([*untold, *happened]):
        ledger.told(run_id)
    return len(entries), happened


def _say(happened: list[tuple[str, AnyEvent]]) -> None:
    from chaos.model.event import FaultReverted, FaultStuck

    for _, event in happened:
        if isinstance(event, FaultReverted):
            say(f"  reverted, and read back: {event.fault} {event.place} ({event.took_s:.2f} s)")
        elif isinstance(event, FaultStuck):
            say(f"  NOT reverted: {event.fault} {event.place}: {event.error}")


def _record(happened: list[tuple[str, AnyEvent]]) -> list[str]:
    """Into the runs' own records, on their own clocks, and judge them again: what was still in place is not any more.
    A run that was never recorded, or a store that does not open, must not keep anybody from recovering. Returns the
    runs whose records have it."""
    from chaos.cli.common import open_recorded
    from chaos.errors import SaleproofError

    done: list[str] = []
    if not happened:
        return done
    try:
        with open_recorded() as store:
            known = {run.id for run in store.runs(1000)}
            for run_id in dict.fromkeys(run for run, _ in happened):
                if run_id in known:
                    _append(store, run_id, [event for run, event in happened if run == run_id])
                else:
                    say(f"  this is in no record: run {run_id} was not recorded there")
                done.append(run_id)
    except SaleproofError as error:
        say(f"  this is not in the record: {error}")
    return done


def _append(store: Store, run_id: str, happened: list[AnyEvent]) -> None:
    """Raises: SaleproofError."""
    import msgspec

    from chaos.judge import judge
    from chaos.model.event import RunStarted

    journal = store.read(run_id)
    t0_s = next((e.t0_s for e in journal.events if isinstance(e, RunStarted)), 0.0)
    last_s = max((e.at_s for e in journal.events), default=0.0)
    # After a reboot the clock has begun anew; then it was some time after the last thing on record.
    events = [msgspec.structs.replace(e, at_s=max(last_s, e.at_s - t0_s)) for e in happened]
    store.append(run_id, events, status=journal.run.status or "crashed")
    store.save_verdict(judge(store.read(run_id)))
