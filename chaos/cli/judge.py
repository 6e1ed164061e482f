"""`saleproof judge`: judge a recorded run again, from its record alone."""

from __future__ import annotations

import argparse

from chaos.cli.common import json_option, open_store, out, out_json

HELP = "judge a recorded run again, from its record alone"
EXAMPLES = """\
  saleproof judge last
  saleproof judge last --json | sha256sum      the same twice
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", nargs="?", default="last", help="a run's id, the beginning of one, or `last`")
    json_option(parser)


def run(arguments: argparse.Namespace) -> int:
    """Exits as the run would have: 0 held, 1 deviated, 2 inconclusive, 3 a fault still in place."""
    from chaos.judge import judge

    with open_store() as store:
        journal = store.read(arguments.run)
    verdict = judge(journal)
    if arguments.json:
        out_json(verdict)
    else:
        from chaos.report.console import render

        out(render(verdict, journal))
    return verdict.exit_code
