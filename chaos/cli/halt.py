"""`saleproof halt`: the big red button. Every run reverts and stops, and none begins until `resume`."""

from __future__ import annotations

import argparse
import time

from chaos.cli.common import find_target, json_option, out, out_json, platform_option, say, target_option

# Not from typing, which takes 3 ms to import: `saleproof --help` is to be quick.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from chaos.engine.ledger import Entry
    from chaos.engine.lock import Holder
    from chaos.model.halt import Halt
    from chaos.rehearsal.everywhere import Told

HELP = "revert and stop every run here, and on shared targets, and refuse new ones until `resume`"
EXAMPLES = """\
  saleproof halt
  saleproof halt --reason "the sale has begun"
  saleproof halt --target targets/staging.yaml      that target alone, for everybody, wherever they run from
  touch ~/.local/state/saleproof/halt               this machine by hand, where there is no saleproof command
"""

POLL_S = 0.1


def arguments(parser: argparse.ArgumentParser) -> None:
    target_option(parser)
    platform_option(parser)
    parser.add_argument("--reason", metavar="TEXT", default="", help="why; whoever is refused reads it")
    parser.add_argument(
        "--timeout", metavar="DURATION", default="30s",
        help="wait so long for the runs to revert and end (default: 30s); the halt itself is at once",
    )  # fmt: skip
    json_option(parser)


def run(arguments: argparse.Namespace) -> int:
    """Exits with 0 once no fault is open and no run is left, 3 when a fault may still be in place, 69 when every fault
    is reverted and a run has not ended in time, or a target could not be told. It is halted in each case."""
    from chaos.errors import UsageError
    from chaos.units import Duration

    try:
        timeout_s = float(Duration.parse(arguments.timeout))
    except ValueError as wrong:
        raise UsageError(f"--timeout: {wrong}") from wrong
    until_s = time.monotonic() + timeout_s
    if arguments.target is not None or arguments.platform is not None:
        return _one_target(arguments, until_s)
    return _this_machine(arguments, until_s)


def _this_machine(arguments: argparse.Namespace, until_s: float) -> int:
    """Its own file first, which needs no network; then the targets that it shares with others."""
    from chaos.engine.halt import HaltFile, person
    from chaos.engine.ledger import Ledger
    from chaos.errors import RevertFailed, Unavailable
    from chaos.state import state_dir

    state = state_dir()
    began_s = time.monotonic()
    halt, new = HaltFile(state).write(person(), arguments.reason)
    if not arguments.json:
        say(str(halt) if new else f"already {halt}")
    elsewhere = Elsewhere(halt)
    seen, reverted_s, entries, runs = _wait(state, until_s, quiet=arguments.json)
    took_s = time.monotonic() - began_s
    damaged = Ledger(state / "ledger").damaged()
    code = RevertFailed.exit_code if entries or damaged else Unavailable.exit_code if runs else 0
    for line in damaged:
        say(line)
    if not arguments.json:
        out(_words(seen, entries, runs, took_s))
    told = elsewhere.told(until_s)
    if arguments.json:
        out_json({
            "halt": halt, "already": not new, "runs": sorted(seen), "still_running": runs, "still_open": entries,
            "damaged": damaged, "reverted_s": reverted_s and reverted_s - began_s, "took_s": took_s, "targets": told,
        })  # fmt: skip
    else:
        _say_told(told, halt)
    return max(code, _code(told), key=(0, Unavailable.exit_code, RevertFailed.exit_code).index)


class Elsewhere:
    """The telling of the targets that other machines disturb too, beside the wait for this machine's own runs."""

    def __init__(self, halt: Halt) -> None:
        import threading

        from chaos.rehearsal.everywhere import Everywhere, lately

        self._everywhere = Everywhere(lately())
        self._thread = threading.Thread(target=self._everywhere.halt, args=(_signed(halt),), daemon=True)
        self._thread.start()

    def told(self, until_s: float) -> tuple[Told, ...]:
        self._thread.join()
        self._everywhere.wait(until_s)
        return tuple(self._everywhere.told.values())


def _one_target(arguments: argparse.Namespace, until_s: float) -> int:
    """Raises: UsageError, SpecError; Unavailable when it cannot be told."""
    from datetime import UTC, datetime

    from chaos.engine.halt import person
    from chaos.errors import Unavailable
    from chaos.model.halt import Halt, clean
    from chaos.rehearsal.everywhere import Everywhere, of_target

    everywhere = Everywhere([of_target(find_target(arguments.target), arguments.platform)])
    now = datetime.now(UTC).isoformat(timespec="seconds")
    halt = _signed(Halt(by=person(), since=now, reason=clean(arguments.reason)))
    (told,) = everywhere.halt(halt)
    if told.error:
        raise Unavailable(f"{told.where} is NOT halted: {told.error}")
    if not arguments.json:
        say(f"{told.where} is {'' if told.halt == halt else 'already '}{told.halt}")
    everywhere.wait(until_s)
    (told,) = everywhere.told.values()
    if arguments.json:
        out_json({"halt": told.halt, "already": told.halt != halt, "targets": [told]})
    else:
        _say_told((told,), halt)
    return _code((told,))


def _signed(halt: Halt) -> Halt:
    """For others: a user's name means something on its own machine only."""
    import platform

    import msgspec

    return msgspec.structs.replace(halt, by=f"{halt.by} on {platform.node()}")


def _code(told: Sequence[Told]) -> int:
    from chaos.errors import RevertFailed, Unavailable

    if any(each.left for each in told):
        return RevertFailed.exit_code
    return Unavailable.exit_code if any(each.error for each in told) else 0


def _say_told(told: Sequence[Told], halt: Halt) -> None:
    for each in told:
        if each.halt is None:
            out(f"NOT halted: {each.where}: {each.error}; runs there from other machines go on")
        elif each.left:
            out(f"NOT over yet at {each.where}: {', '.join(each.left)}; its faults go when its lease runs out")
        elif each.error:
            out(f"halted: {each.where}; whether a run is left there is not known: {each.error}")
        else:
            ended = f"{len(each.runs)} run{'s' if len(each.runs) > 1 else ''} ended" if each.runs else "no run is there"
            others = "" if each.halt.since == halt.since else f" (already {each.halt})"
            out(f"halted: {each.where}{others}; {ended}")


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
        return f"NOT known to be reverted after {took_s:.1f} s: {left}; {next_step}{again}"
    if runs:
        left = ", ".join(f"{h.by} (pid {h.pid})" for h in runs)
        return f"every fault is reverted; still ending after {took_s:.1f} s: {left}{again}"
    if not seen:
        return f"nothing was running{again}"
    return f"{len(seen)} run{'s' if len(seen) > 1 else ''} reverted and ended within {took_s:.1f} s{again}"
