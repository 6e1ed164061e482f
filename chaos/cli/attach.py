"""`saleproof attach`: a fault proxy on a link of a project that is already running, without changing the project."""

from __future__ import annotations

import argparse

from chaos.cli.common import find_target, json_option, out, out_json, say, target_option

# Not from typing, which takes 3 ms to import: `saleproof --help` is to be quick.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from chaos.model.target import Target
    from chaos.platforms.compose.attached import Attached

HELP = "put a fault proxy on links of a running compose project"
EXAMPLES = """\
  saleproof attach 'web -> db' --target targets/my-shop.yaml
  saleproof attach 'web-1 -> cache' 'web -> payments' --recycle
  saleproof detach                      takes all of them away again
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("links", nargs="+", metavar="LINK", help="'web -> db', or 'web-1 -> db' for one instance")
    target_option(parser)
    parser.add_argument(
        "--recycle", action="store_true", help="reset the connections that are older than the proxy, and no others"
    )
    parser.add_argument(
        "--arm", metavar="NAME", default=None, help="the target's name, where its environment is production"
    )
    json_option(parser)


def run(arguments: argparse.Namespace) -> int:
    """Idempotent. Raises: Refused for production that is not armed, while a run uses the target, while a fault is on
    the link, and where it cannot be done; then it says what to set in the compose file instead."""

    from chaos.engine.lock import TargetLock
    from chaos.errors import Unavailable
    from chaos.platforms.compose.agent import borrowed
    from chaos.platforms.compose.platform import ComposePlatform
    from chaos.rehearsal.production import given, refuse_unarmed
    from chaos.spec.target import link_name
    from chaos.state import state_dir

    target = find_target(arguments.target)
    links = [link_name(text) for text in arguments.links]
    refuse_unarmed(target, given(target, name=arguments.arm))
    with TargetLock(state_dir() / "locks", target.name, "saleproof attach"):
        platform = ComposePlatform.attach(target)
        if platform is None:
            raise Unavailable(f"nothing of the target '{target.name}' runs on this Docker engine: there is no link yet")
        with borrowed(platform.engine, platform.project):
            attachments = platform.attachments
            refuse_disturbed(target, [pair.name for pair in attachments.pairs(links)], "attach")
            own = [name for name, proxy in platform.inventory().proxies.items() if not proxy.reach.get("uid")]
            done = attachments.attach(
                links, own, recycle=arguments.recycle, progress=lambda name, what: say(f"  {name}: {what}")
            )
    if arguments.json:
        out_json({"target": target.name, "attached": done})
    else:
        _show(done, recycle=arguments.recycle)
    return 0


def refuse_disturbed(target: Target, names: Sequence[str], verb: str) -> None:
    """Raises: Refused when a fault may be on one of these places."""
    from chaos.engine.ledger import Ledger
    from chaos.errors import Refused
    from chaos.model.fault import ANSWERS
    from chaos.state import state_dir

    for entry in Ledger(state_dir() / "ledger").entries():
        place = entry.undo.where.removesuffix(ANSWERS)
        if entry.target == target.name and place in names:
            fault = f"the fault {entry.text or entry.undo.kind} of run {entry.run} may be on it"
            raise Refused(f"cannot {verb} {place}: {fault}; first: saleproof recover")


def _show(done: Sequence[Attached], *, recycle: bool) -> None:
    width = max(len(one.name) for one in done)
    for one in done:
        bypass = f"{one.bypassing} open connections bypass the proxy" if one.bypassing else "nothing bypasses the proxy"
        reset = f", {one.recycled} reset" if one.recycled else ""
        out(f"{one.name:{width}}  attached  {one.leads_to} at {', '.join(one.addresses)}  {bypass}{reset}")
        if one.ipv6:
            say(f"  {one.name}: {one.leads_to} has IPv6 addresses too; what dials those is not disturbed")
    clients = sorted({one.name.split(" -> ")[0] for one in done if one.bypassing})
    if clients and recycle:
        say(f"  not all could be reset: this kernel cannot end another's connections. Restart: {', '.join(clients)},")
        say("  then attach again: whoever restarts has a new network")
    elif clients:
        say(f"  connections that {', '.join(clients)} had open before go past the proxy until they are opened anew:")
        say("  `saleproof attach ... --recycle` resets just those; or wait until their pool recycles them")
