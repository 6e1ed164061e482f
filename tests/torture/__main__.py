"""`python -m tests.torture --kills 100`: kills runner, watchdog or both at random moments, and counts what is left.

Goes on where it was interrupted. Exits with 1 when a fault was left or a record damaged.
"""

from __future__ import annotations

import argparse
import itertools
import signal
import sys
import threading
import time
from pathlib import Path

from .compose import ComposeGround
from .draw import draw
from .ground import Ground
from .kill import plain, torture
from .record import Record
from .tally import Tally, bad, table

GROUNDS: dict[str, type[Ground]] = {"embedded": Ground, "compose": ComposeGround}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.torture", description=__doc__)
    parser.add_argument("--kills", type=int, default=100, metavar="N", help="so many runs in all (100)")
    parser.add_argument("--seed", type=int, default=1, help="of every choice (1)")
    parser.add_argument("--platform", choices=GROUNDS, default="embedded", help="where the target runs (embedded)")
    parser.add_argument("--lanes", type=int, default=1, help="so many targets side by side (1)")
    parser.add_argument("--only", default=None, metavar="NUMBER", type=int, nargs="+", help="do just these iterations")
    parser.add_argument("--file", type=Path, default=None, help="of the results (.torture/SEED.jsonl)")
    parser.add_argument("--table", action="store_true", help="only print the table of what was done so far")
    arguments = parser.parse_args()
    prefix = "" if arguments.platform == "embedded" else f"{arguments.platform}-"
    tally = Tally(arguments.file or Path(".torture") / f"{prefix}{arguments.seed}.jsonl")
    if not arguments.table:
        done = {row["number"] for row in tally.rows()}
        todo = [number for number in range(arguments.kills) if number not in done]
        if arguments.only is not None:
            todo = arguments.only
        if done:
            print(f"{len(done)} were done before; {len(todo)} to go", file=sys.stderr)
        lanes = max(1, min(arguments.lanes, len(todo)))
        _run(tally, GROUNDS[arguments.platform], arguments.seed, todo, lanes)
    rows = tally.rows()
    print(table(rows))
    for row in filter(bad, rows):
        print(f"{row['number']}: {row}")
    return 1 if any(map(bad, rows)) else 0


def _run(tally: Tally, make: type[Ground], seed: int, todo: list[int], lanes: int) -> None:
    """Until all are done, or Ctrl-C or SIGTERM: then what is under way is finished, and the next call does the rest."""
    numbers, ending = iter(todo), threading.Event()
    counter, lock = itertools.count(1), threading.Lock()

    def lane() -> None:
        with make() as ground:
            record = Record(ground.state / "runs.db")
            while not ending.is_set():
                with lock:
                    number = next(numbers, None)
                if number is None:
                    return
                began_s = time.monotonic()
                drawn = draw(seed, number, ground.odds)
                result = torture(ground, drawn, record)
                row = {"number": number, **drawn.plain(), **plain(result), "took_s": time.monotonic() - began_s}
                tally.add(row)
                _say(f"{next(counter)}/{len(todo)}", row)
                if result.left:  # the next one begins on a target that is well
                    ground.saleproof("recover")
                    ground.saleproof("down")
                    ground.up()

    # Also where a shell has started us in the background, and so deaf to Ctrl-C.
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, lambda *_: ending.set())
    threads = [threading.Thread(target=lane, name=f"lane {i}") for i in range(lanes if todo else 0)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _say(progress: str, row: dict[str, object]) -> None:
    reverted = row["reverted_s"]
    after = f"reverted after {reverted:.2f} s" if isinstance(reverted, float) else "nothing was in place"
    wrong = f"  LEFT {row['left']}" if row["left"] else ""
    wrong += f"  DAMAGED {row['damaged']}" if row["damaged"] else ""
    killed = " and ".join(row["killed"]) or "nobody"  # type: ignore[arg-type]
    print(f"{progress}  {row['fault']}: {killed} killed, {after}{wrong}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
