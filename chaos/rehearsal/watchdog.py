"""`python -m chaos.rehearsal.watchdog`: what the watchdog does when its runner has died."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from chaos.engine.watchdog import wait_for_end

if TYPE_CHECKING:
    from chaos.engine.ledger import Entry, Ledger
    from chaos.model.event import AnyEvent


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--run", required=True)
    parser.add_argument("--state", required=True, type=Path)
    parser.add_argument("--down", default=None, type=Path, help="a file that says what to take down as well")
    arguments = parser.parse_args()
    if wait_for_end():
        return 0
    from chaos.state import store_url

    return clean_up(arguments.run, arguments.state, store_url(), arguments.down)


def clean_up(run_id: str, state: Path, store_url: str, down: Path | None) -> int:
    """First the faults, then the record, then the target; each whatever became of the others. 3: a fault is stuck."""
    from chaos.engine.late import may_come
    from chaos.engine.ledger import Ledger

    ledger = Ledger(state / "ledger")
    late = may_come(ledger.entries(run_id))
    with ledger.alone():
        ledger.sweep()
        stuck = _revert_and_record(ledger, run_id, store_url)
    if down is not None and not stuck:
        _take_down(down, run_id, state / "locks")
    elif late:
        _look_again(ledger, state / "locks", late, run_id, store_url)
    return 3 if stuck or ledger.entries(run_id) else 0


def _look_again(ledger: Ledger, locks: Path, late: tuple[Entry, ...], run_id: str, store_url: str) -> None:
    """A target that stays up, and where nothing keeps leases, gets what the dead runner had asked for last."""
    from chaos.engine.late import take_back
    from chaos.model.event import Noted

    happened: list[AnyEvent] = []
    take_back(ledger, locks, late, tell=lambda _, text: happened.append(Noted(at_s=time.monotonic(), text=text)))
    for event in happened:
        print(f"{run_id}: {event}", file=sys.stderr)  # noqa: T201
    if happened:
        try:
            _complete_record(run_id, store_url, happened)
        except Exception as cause:
            print(f"{run_id}: this is not in the record: {cause}", file=sys.stderr)  # noqa: T201


def _revert_and_record(ledger: Ledger, run_id: str, store_url: str) -> bool:
    """Whether a fault is stuck."""
    from chaos.engine.revert import revert_all
    from chaos.model.event import RunEnded

    began = time.monotonic()
    # What the runner had reverted and could not say any more.
    happened: list[AnyEvent] = [each.event for each in ledger.untold(run_id)]
    entries = ledger.entries(run_id)
    for line in ledger.damaged():
        print(line, file=sys.stderr)  # noqa: T201
    stuck = revert_all(ledger, entries, by="watchdog", at_s=time.monotonic, emit=happened.append)
    print(  # noqa: T201
        f"{run_id}: the runner died; {len(entries) - len(stuck)} of {len(entries)} faults reverted in "
        f"{time.monotonic() - began:.2f} s",
        file=sys.stderr,
    )
    happened.append(
        RunEnded(at_s=time.monotonic(), status="crashed", reason="the runner died; the watchdog cleaned up")
    )
    try:
        _complete_record(run_id, store_url, happened)
        ledger.told(run_id)
    except Exception as cause:  # whatever it is, the target is taken down all the same
        print(f"{run_id}: the record is not complete: {cause}", file=sys.stderr)  # noqa: T201
    return bool(stuck)


def _take_down(down: Path, run_id: str, locks: Path) -> None:
    """What the run had brought up, unless another run is at it by now: the dead one's lock went with it."""
    from chaos.engine.lock import TargetLock
    from chaos.errors import Refused
    from chaos.rehearsal.takedown import TakeDown

    try:
        found = TakeDown.read(down)
    except FileNotFoundError:
        return  # somebody has taken it down meanwhile
    try:
        with TargetLock(locks, found.target.name, f"the watchdog of run {run_id}"):
            found.do()
    except Refused as cause:
        print(f"{run_id}: {found.target.name} stays up: {cause}", file=sys.stderr)  # noqa: T201
    down.unlink(missing_ok=True)


def _complete_record(run_id: str, store_url: str, happened: list[AnyEvent]) -> None:
    """Add what the watchdog did, end the run as crashed unless it had ended by itself, and judge what there is."""
    import msgspec

    from chaos.judge import judge
    from chaos.model.event import RunEnded, RunStarted
    from chaos.store import Store

    with Store.open(store_url) as store:
        if not any(run.id == run_id for run in store.runs(1000)):
            return  # it died while the target was coming up: nothing was recorded yet
        before = store.read(run_id)
        began = [e for e in before.events if isinstance(e, RunStarted)]
        t0_s = began[0].t0_s if began else time.monotonic()
        ended = before.run.status not in (None, "crashed")  # and left a fault, or was killed a moment later
        events = [
            msgspec.structs.replace(event, at_s=max(0.0, event.at_s - t0_s))
            for event in happened
            if not (ended and isinstance(event, RunEnded))
        ]
        store.append(run_id, events, status=None if ended else "crashed")
        store.save_verdict(judge(store.read(run_id)))


if __name__ == "__main__":
    sys.exit(main())
