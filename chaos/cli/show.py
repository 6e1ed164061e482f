"""`saleproof show`: a recorded run and its verdict, as they were judged."""

from __future__ import annotations

import argparse
import sys

from chaos.cli.common import json_option, open_recorded, out, out_json, refuse_under_way, statistics_option

HELP = "show a recorded run: its verdict, its numbers, its events"
EXAMPLES = """\
  saleproof show last
  saleproof show 20261121-1133 --events
  saleproof show last --statistics                  every bound and test behind the words
  saleproof show last --journal > journal.json      for the Chaos Toolkit's reporting plugin
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", nargs="?", default="last", help="a run's id, the beginning of one, or `last`")
    parser.add_argument("--events", action="store_true", help="everything that happened, a line each")
    parser.add_argument("--journal", action="store_true", help="the journal in the Chaos Toolkit's format, as JSON")
    statistics_option(parser)
    json_option(parser)


def run(arguments: argparse.Namespace) -> int:
    """Exits with 0 when the run could be shown, whatever its verdict is."""
    from chaos.judge import judge

    with open_recorded() as store:
        journal = store.read(arguments.run)
        refuse_under_way(journal.run.id)
        verdict = store.verdict(journal.run.id) or judge(journal)
    if arguments.journal:
        import json

        from chaos.report.journal import chaostoolkit_journal

        sys.stdout.write(json.dumps(chaostoolkit_journal(journal, verdict), indent=2) + "\n")
    elif arguments.json:
        out_json({"run": journal.run, "plan": journal.plan, "events": journal.events, "verdict": verdict})
    else:
        from chaos.report.console import event_lines, render

        out(render(verdict, journal, statistics=arguments.statistics))
        if arguments.events:
            out("\n".join(event_lines(journal)))
    return 0
