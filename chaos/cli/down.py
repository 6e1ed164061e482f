"""`saleproof down`: take a target down."""

from __future__ import annotations

import argparse

from chaos.cli.common import find_target, json_option, out_json, platform_option, say, say_open, target_option

# Not from typing, which takes 3 ms to import: `saleproof --help` is to be quick.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from chaos.model.target import Target

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
    """Idempotent. Raises: Refused while a run uses the target, on whichever machine."""
    from chaos import platforms
    from chaos.engine.lock import TargetLock
    from chaos.errors import Unavailable
    from chaos.rehearsal.takedown import forget
    from chaos.state import state_dir

    target = find_target(arguments.target)
    with TargetLock(state_dir() / "locks", target.name, "saleproof down"):
        say_open()
        was_up: list[str] = []
        goes_on: list[str] = []
        for name in (arguments.platform,) if arguments.platform else platforms.present(target):
            try:
                _refuse_claimed(target, name)
                was_up += [name] if platforms.attach(target, name) is not None else []
                platforms.clean(target, name)  # also what a reboot or a broken start left
                forget(state_dir(), target.name, name)
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
            + (
                "put beside it stays until it has taken back what a run left"
                if _needed(target)
                else "put beside it is gone"
            )
        )
    elif was_up:
        say(f"{target.name} is down ({', '.join(was_up)})")
    else:
        say(f"{target.name} is not up")
    return 0


def _refuse_claimed(target: Target, name: str) -> None:
    """What is kept with the target says whose it is, also to another machine. Raises: Refused, Unavailable."""
    from chaos import platforms
    from chaos.errors import Refused
    from chaos.model.lease import LEASE_TTL_S

    station = platforms.station(target, name)
    claims = () if station is None else station.claims()
    if station is not None and claims:
        raise Refused(
            f"the target '{target.name}' is in use by {claims[0]}, at {station.where}; wait for it, or end that run: "
            f"a dead one has it for {LEASE_TTL_S:g} s more at most"
        )


def _needed(target: Target) -> bool:
    """Does something of ours beside the target still take back what a dead run had there?"""
    from chaos import platforms

    return any(station.runs() for station in platforms.stations(target, "compose"))
