"""`saleproof doctor`: is all well for a run? The checks that each run begins with, and some more."""

from __future__ import annotations

import argparse

from chaos.cli.common import find_target, json_option, out, out_json, platform_option, target_option

# Not from typing, which takes 3 ms to import: `saleproof --help` is to be quick.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from chaos.model.target import Target

HELP = "check this machine, what earlier runs left, and the target; disturb nothing"
EXAMPLES = """\
  saleproof doctor
  saleproof doctor --json
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    target_option(parser)
    platform_option(parser)
    json_option(parser)


def run(arguments: argparse.Namespace) -> int:
    """Exits with 0 when there is no problem, 69 when there is one. Warnings do not count."""
    from chaos.errors import Unavailable
    from chaos.preflight.doctor import examine
    from chaos.preflight.finding import Level
    from chaos.state import state_dir, store_url

    findings = examine(state_dir(), store_url(), _target(arguments.target), arguments.platform)
    problems = [finding for finding in findings if finding.level is Level.PROBLEM]
    if arguments.json:
        out_json({"ok": not problems, "findings": findings})
    else:
        for finding in findings:
            remedy = f"; {finding.remedy}" if finding.remedy else ""
            out(f"{finding.level.value:<8} {finding.check:<16} {finding.text}{remedy}")
        out(f"{len(problems)} problem{'' if len(problems) == 1 else 's'}" if problems else "no problem")
    return Unavailable.exit_code if problems else 0


def _target(given: str | None) -> Target | None:
    """None in a folder without targets: the machine can be looked at all the same. Raises: UsageError, SpecError."""
    from pathlib import Path

    if given is None and not any(Path("targets").glob("*.y*ml")):
        return None
    return find_target(given)
