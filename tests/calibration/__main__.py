"""`python -m tests.calibration`: how often verdicts are wrong, by simulation; a table in Markdown.

Goes on where it was interrupted. Exits with 1 when a promise is not kept.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from .results import Results
from .suites import SUITES
from .table import broken, table, write
from .work import simulate


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.calibration", description=__doc__)
    parser.add_argument("--share", type=float, default=1.0, help="of the full count of everything (1)")
    parser.add_argument("--seed", type=int, default=1, help="of every choice (1)")
    parser.add_argument("--processes", type=int, default=1, help="so many side by side (1)")
    parser.add_argument("--only", nargs="*", default=list(SUITES), choices=list(SUITES), metavar="SUITE",
                        help=f"some of {', '.join(SUITES)}")  # fmt: skip
    parser.add_argument(
        "--file", type=Path, default=Path(".calibration/simulated.jsonl"), help="where results are kept"
    )
    parser.add_argument("--table", action="store_true", help="only print the table of what was done so far")
    parser.add_argument("--write", action="store_true", help="put the table into docs/verdicts.md as well")
    arguments = parser.parse_args()
    results = Results(arguments.file)
    suites = [SUITES[name] for name in arguments.only]
    if not arguments.table:
        simulate(suites, results, share=arguments.share, seed=arguments.seed, processes=arguments.processes)
    found = results.found(arguments.seed)
    print(table(suites, found))
    if arguments.write:
        write("simulated", table(suites, found))
    wrong = broken(suites, found)
    for line in wrong:
        print(line, file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
