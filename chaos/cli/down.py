"""`saleproof down`: take a target down."""

from __future__ import annotations

import argparse

from chaos.cli.common import find_target, json_option, out_json, say, target_option

HELP = "take the target down; nothing of it stays behind"
EXAMPLES = "  saleproof down\n"


def arguments(parser: argparse.ArgumentParser) -> None:
    target_option(parser)
    json_option(parser)


def run(arguments: argparse.Namespace) -> int:
    """Idempotent. Raises: Refused while a run uses the target."""
    from chaos.engine.lock import TargetLock
    from chaos.platforms.embedded.platform import EmbeddedPlatform
    from chaos.state import state_dir

    target = find_target(arguments.target)
    with TargetLock(state_dir() / "locks", target.name, "saleproof down"):
        was_up = EmbeddedPlatform.attach(target) is not None
        EmbeddedPlatform.clean(target.name)  # also what a reboot or a broken start left
    if arguments.json:
        out_json({"target": target.name, "was_up": was_up})
    else:
        say(f"{target.name} is down" if was_up else f"{target.name} is not up")
    return 0
