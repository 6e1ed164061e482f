"""`python -m tests.falsegreens`: the stock engine's eight false greens, and ours, as a table. Exits with 1 for one that
ours does not catch."""

from __future__ import annotations

import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

from ..e2e.small import small
from .cases import CASES


def main() -> int:
    print(f"Chaos Toolkit {version('chaostoolkit')}, its library {version('chaostoolkit-lib')}\n")
    print("| | what happens | the stock engine | Saleproof |")
    print("|---|---|---|---|")
    missed = 0
    with small() as shop:
        for case in CASES:
            with tempfile.TemporaryDirectory() as folder:
                stock, ours = case.run(Path(folder), shop)
            missed += not case.caught(ours)
            notes = ["", "(not this time)"][not case.green(stock)], ["", "NOT CAUGHT"][not case.caught(ours)]
            print(f"| {case.name} | {case.says} | {stock} {notes[0]} | {ours} {notes[1]} |", flush=True)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
