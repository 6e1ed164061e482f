"""`saleproof down`: take a target down."""

from __future__ import annotations

import argparse

from chaos.cli.common import find_target, json_option, out_json, platform_option, say, target_option

HELP = "take the target down; nothing of it stays behind"
EXAMPLES = """\
  saleproof down                        wherever it is up
  saleproof down --platform compose     there alone
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    target_option(parser)
    platform_option(parser)
    json_option(parser)


def run(arguments: argparse.Namespace) -> int:
    """Idempotent. Raises: Refused while a run uses the target."""
    from chaos import platforms
    from chaos.engine.lock import TargetLock
    from chaos.errors import Unavailable
    from chaos.state import state_dir

    target = find_target(arguments.target)
    with TargetLock(state_dir() / "locks", target.name, "saleproof down"):
        was_up: list[str] = []
        goes_on: list[str] = []
        for name in (arguments.platform,) if arguments.platform else platforms.present(target):
            try:
                was_up += [name] if platforms.attach(target, name) is not None else []
                platforms.clean(target, name)  # also what a reboot or a broken start left
                goes_on += [name] if name in was_up and platforms.attach(target, name) is not None else []
            except Unavailable as cause:
                # An engine that cannot be asked must not keep the other platform from being taken down.
                if arguments.platform or name == platforms.default(target):
                    raise
                say(f"{name} was not looked at: {cause}")
    if arguments.json:
        out_json({"target": target.name, "was_up": bool(was_up), "platforms": was_up, "goes_on": goes_on})
    elif goes_on:
        say(
            f"{target.name} goes on: its file names no Compose files, so it is yours to take down; what Saleproof had "
            "put beside it is gone"
        )
    elif was_up:
        say(f"{target.name} is down ({', '.join(was_up)})")
    else:
        say(f"{target.name} is not up")
    return 0
