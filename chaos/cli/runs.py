"""`saleproof runs`: what was recorded, newest first."""

from __future__ import annotations

import argparse

from chaos.cli.common import json_option, open_recorded, out, out_json, positive

HELP = "list the recorded runs, newest first"
EXAMPLES = """\
  saleproof runs
  saleproof runs --json --limit 5
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--limit", type=positive, default=20, metavar="N", help="at most so many (default: 20)")
    json_option(parser)


def run(arguments: argparse.Namespace) -> int:
    with open_recorded() as store:
        found = store.runs(arguments.limit)
    if arguments.json:
        out_json(found)
        return 0
    if not found:
        out("nothing recorded yet; try: saleproof run experiments/db-latency-spike.yaml")
        return 0
    from chaos.report.runs import table

    out(table(found))
    return 0
