"""What an earlier run or a person left on this machine: a halt, an open ledger, a run under way."""

from __future__ import annotations

from pathlib import Path

from chaos.engine.halt import HaltFile
from chaos.engine.ledger import Ledger
from chaos.engine.lock import Holder, holders
from chaos.model.platform import Station
from chaos.preflight.finding import Finding, ok, problem, warning


def halted(state: Path) -> Finding:
    halt = HaltFile(state).read()
    if halt is not None:
        return problem("halt", str(halt), "when all is well again: saleproof resume", not_now=True)
    return ok("halt", "not halted")


def halted_there(station: Station) -> Finding:
    """What everybody's runs on that target see. Raises: Unavailable."""
    check, halt = "halt, target", station.halted()
    if halt is not None:
        remedy = "when all is well again: saleproof resume --target FILE"
        return problem(check, f"{station.target} is {halt} (kept at {station.where})", remedy, not_now=True)
    return ok(check, f"not halted at {station.where}")


def ledger(state: Path) -> Finding:
    """Faults that may be in place. Those of a run that is under way are its own to revert."""
    check = "ledger"
    under_way = {holder.run for holder in runs(state)}
    book = Ledger(state / "ledger")
    entries, damaged = book.entries(), book.damaged()
    if damaged:
        return problem(check, damaged[0])
    dead = [entry for entry in entries if entry.run not in under_way]
    if dead:
        text = f"{len(dead)} fault(s) of run {dead[0].run} may still be in place"
        return problem(check, text, "revert them with: saleproof recover", not_now=True)
    if entries:
        return warning(check, f"{len(entries)} fault(s) are on, of a run that is under way")
    return ok(check, "empty: no fault of ours is in place")


def runs(state: Path) -> tuple[Holder, ...]:
    """The runs that are under way on this machine."""
    return tuple(holder for holder in holders(state / "locks") if holder.run)
