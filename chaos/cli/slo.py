"""`saleproof slo`: what the target promises: budgets, OpenSLO files, Prometheus rules."""

from __future__ import annotations

import argparse
import importlib

from chaos.cli.common import add_command

HELP = "error budgets: their status, OpenSLO files in and out, Prometheus rules"
EXAMPLES = """\
  saleproof slo status
  saleproof slo rules targets/shop.yaml > rules.yaml
"""

# A subcommand is a module `slo_NAME` with HELP, EXAMPLES, arguments(parser) and run(arguments) -> code.
ACTIONS = ("status", "export", "import", "rules")


def arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", metavar="action", required=True, parser_class=type(parser))
    for name in ACTIONS:
        add_command(actions, name, f"chaos.cli.slo_{name}")


def run(arguments: argparse.Namespace) -> int:
    return int(importlib.import_module(f"chaos.cli.slo_{arguments.action}").run(arguments))
