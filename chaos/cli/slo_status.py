"""`saleproof slo status`: what is left of every error budget, over the recorded runs and over Prometheus."""

from __future__ import annotations

import argparse

from chaos.cli.common import (
    json_option,
    open_recorded,
    out,
    out_json,
    pick_variant,
    say,
    target_argument,
    target_of,
    terminal_width,
    variant_option,
)

HELP = "show every objective, what is left of its error budget, and how fast it burns"
EXAMPLES = """\
  saleproof slo status
  saleproof slo status targets/shop.yaml --json
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    target_argument(parser)
    variant_option(parser)
    json_option(parser)


def run(arguments: argparse.Namespace) -> int:
    """Exits with 0 when every budget could be read, whatever is left of it; 69 when a source does not answer."""
    from datetime import UTC, datetime

    from chaos.errors import Unavailable
    from chaos.rehearsal.budgets import REMEMBERED, statuses

    target = target_of(arguments)
    variant = pick_variant(target, arguments.variant)
    now = datetime.now(UTC)
    with open_recorded() as store:
        charged = store.charged(target.name, now - REMEMBERED)
    found = statuses(target, variant, charged, now)
    if arguments.json:
        out_json({"target": target.name, "at": now, "budgets": found})
    elif not found:
        out(f"{target.name} has no SLO; see docs/slos.md")
    else:
        from chaos.report.slos import render

        out(render(target.name, found, width=terminal_width()))
    unread = [status for status in found if status.note.startswith("cannot be read")]
    if not arguments.json:
        for status in unread:  # the table may have no room for the whole reason
            say(f"{status.slo}: {status.note}")
    return Unavailable.exit_code if unread else 0
