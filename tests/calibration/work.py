"""All pieces that are still to do, on some processes, until they are done or somebody has had enough."""

from __future__ import annotations

import itertools
import multiprocessing
import sys
import time
from collections.abc import Iterable

from .results import Results
from .suite import Found, Piece, Suite, pieces
from .suites import SUITES


def simulate(suites: Iterable[Suite], results: Results, *, share: float, seed: int, processes: int) -> None:
    """Ctrl-C ends it at once; the pieces that were finished are kept."""
    done = results.rows()
    todo = [p for suite in suites for p in pieces(suite, share=share, seed=seed) if p.key not in done]
    if not todo:
        return
    print(f"{len(done)} pieces were done before; {len(todo)} to go", file=sys.stderr)
    began_s, counter = time.monotonic(), itertools.count(1)
    context = multiprocessing.get_context("spawn")
    try:
        with context.Pool(processes) as pool:
            for piece, found in pool.imap_unordered(work, todo):
                results.add(piece, found)
                number, took_s = next(counter), time.monotonic() - began_s
                left_s = took_s / number * (len(todo) - number)
                print(f"{number}/{len(todo)}  {piece.suite}: {piece.cell}  {left_s:.0f} s to go", file=sys.stderr)
    except KeyboardInterrupt:
        print("interrupted; the next call does the rest", file=sys.stderr)


def work(piece: Piece) -> tuple[Piece, Found]:
    """In a process of its own."""
    return piece, SUITES[piece.suite].cells[piece.cell](piece.dice(), piece.count)
