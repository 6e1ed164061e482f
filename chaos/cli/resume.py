"""`saleproof resume`: after a halt, runs are allowed again."""

from __future__ import annotations

import argparse

from chaos.cli.common import find_target, json_option, out, out_json, platform_option, target_option

# Not from typing, which takes 3 ms to import: `saleproof --help` is to be quick.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from chaos.rehearsal.everywhere import Told

HELP = "allow runs again, after `halt`"
EXAMPLES = """\
  saleproof resume                                  this machine, and the targets that its halt was told to
  saleproof resume --target targets/staging.yaml    that target, whoever halted it
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    target_option(parser)
    platform_option(parser)
    json_option(parser)


def run(arguments: argparse.Namespace) -> int:
    """Idempotent; starts nothing by itself. Exits with 69 when a target that had been told could not be.
    Raises: SaleproofError when the halt file cannot be removed."""
    from chaos.engine.halt import HaltFile
    from chaos.errors import Unavailable
    from chaos.rehearsal import everywhere
    from chaos.state import state_dir

    if arguments.target is not None or arguments.platform is not None:
        told = everywhere.resume([everywhere.of_target(find_target(arguments.target), arguments.platform)])
        if arguments.json:
            out_json({"targets": told})
    else:
        halt = HaltFile(state_dir()).remove()
        told = everywhere.resume(everywhere.told())
        if arguments.json:
            out_json({"was_halted": halt is not None, "halt": halt, "targets": told})
        else:
            out(f"runs are allowed again (it was {halt})" if halt else "this machine was not halted")
    if not arguments.json:
        _say(told)
    return Unavailable.exit_code if any(each.error for each in told) else 0


def _say(told: Sequence[Told]) -> None:
    for each in told:
        if each.error:
            out(f"may still be halted: {each.where}: {each.error}; then: saleproof resume --target FILE")
        elif each.halt is not None:
            out(f"stays {each.halt}: {each.where}; if that is over: saleproof resume --target FILE")
        else:
            out(f"runs are allowed again: {each.where}")
