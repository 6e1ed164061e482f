"""`saleproof resume`: after a halt, runs are allowed again."""

from __future__ import annotations

import argparse

from chaos.cli.common import json_option, out, out_json

HELP = "allow runs on this machine again, after `halt`"
EXAMPLES = "  saleproof resume\n"


def arguments(parser: argparse.ArgumentParser) -> None:
    json_option(parser)


def run(arguments: argparse.Namespace) -> int:
    """Idempotent; starts nothing by itself. Raises: SaleproofError when the halt file cannot be removed."""
    from chaos.engine.halt import HaltFile
    from chaos.state import state_dir

    halt = HaltFile(state_dir()).remove()
    if arguments.json:
        out_json({"was_halted": halt is not None, "halt": halt})
    else:
        out(f"runs are allowed again (it was {halt})" if halt else "this machine was not halted")
    return 0
