"""`saleproof detach`: take fault proxies away that `saleproof attach` put there."""

from __future__ import annotations

import argparse

from chaos.cli.attach import refuse_disturbed
from chaos.cli.common import find_target, json_option, out, out_json, say, target_option

HELP = "take the fault proxies away that attach put there"
EXAMPLES = """\
  saleproof detach                      all of the target's
  saleproof detach 'web -> db' --target targets/my-shop.yaml
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("links", nargs="*", metavar="LINK", help="only these (default: all)")
    target_option(parser)
    json_option(parser)


def run(arguments: argparse.Namespace) -> int:
    """Idempotent; read back to be gone. Raises: Refused while a run uses the target, or a fault is on the link."""
    from chaos.engine.lock import TargetLock
    from chaos.platforms.compose.agent import borrowed
    from chaos.platforms.compose.attached import Attachments
    from chaos.platforms.compose.engine import connect
    from chaos.platforms.compose.slots import compose_part
    from chaos.spec.target import link_name
    from chaos.state import state_dir

    target = find_target(arguments.target)
    links = [link_name(text) for text in arguments.links]
    lock = TargetLock(state_dir() / "locks", target.name, "saleproof detach")
    with lock, borrowed(engine := connect(), compose_part(target).project):
        attachments = Attachments(target, engine)
        refuse_disturbed(target, [pair.name for pair in attachments.pairs(links or target.links)], "detach")
        gone = attachments.detach(links, progress=lambda name, what: say(f"  {name}: {what}"))
    if arguments.json:
        out_json({"target": target.name, "detached": gone})
    else:
        out(f"detached: {', '.join(gone)}" if gone else "nothing was attached")
    return 0
