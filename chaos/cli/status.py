"""`saleproof status`: what is up, and which faults are on."""

from __future__ import annotations

import argparse

from chaos.cli.common import find_target, json_option, out, out_json, platform_option, say, say_open, target_option

# Not from typing, which takes 3 ms to import: `saleproof --help` is to be quick.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from chaos.model.platform import Inventory
    from chaos.model.target import Target

HELP = "show services, links, and the faults that are on"
EXAMPLES = """\
  saleproof status
  saleproof status --json
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    target_option(parser)
    platform_option(parser)
    json_option(parser)


def run(arguments: argparse.Namespace) -> int:
    """Exits with 0 when the target is up, 69 when it is not."""
    from chaos import platforms
    from chaos.errors import Unavailable

    target = find_target(arguments.target)
    unasked: list[str] = []
    platform = platforms.attach(target, arguments.platform, tell=unasked.append)
    say_open()
    faults, halts = _faults(target.name), _halts(target, arguments.platform)
    if not arguments.json:
        for halt in halts:
            words = str(halt["halt"]).removeprefix("halted ")
            out(f"HALTED: {halt['where']}, {words}; new runs are refused until: {halt['resume']}")
    if platform is None:
        unseen = "; ".join(unasked) or platforms.unseen(target, arguments.platform)
        if arguments.json:
            report = {"target": target.name, "up": False, "services": [], "links": [], "faults": faults, "halts": halts}
            report |= {"others": _others(target.name)}
            out_json(report | ({"not_looked_at": unseen} if unseen else {}))
        else:
            # What nobody could look at is not down.
            known = f"is not up on {platforms.default(target)}" if arguments.platform is None else "may be up"
            out(
                f"{target.name} {f'{known}; {unseen}' if unseen else 'is not up'}"
                + "".join(f"\n  in the ledger: {f['text'] or f['kind']}, {f['where']}" for f in faults)
                + "".join(
                    f"\n  {other['target']} is up ({other['variant']}): saleproof status --target {other['file']}"
                    + (f"; run {other['run']} is under way" if other["run"] else "")
                    for other in _others(target.name)
                )
            )
        return Unavailable.exit_code
    for line in unasked:
        say(line)
    inventory = platform.inventory()
    report = {
        "target": target.name, "up": True, "platform": inventory.platform, "variant": inventory.variant,
        "endpoint": inventory.endpoint, "proxy_api": inventory.proxy_api,
        "services": list(inventory.instances.values()),
        "links": [{"name": p.name, "listen": p.listen, "upstream": p.upstream} for p in inventory.proxies.values()],
        "bare_links": (bare := _bare(target, inventory)),
        "faults": faults, "halts": halts,
    }  # fmt: skip
    if arguments.json:
        out_json(report)
    else:
        from chaos.report.status import render

        out(render(inventory, faults, bare))
    return 0


def _others(target: str) -> list[dict[str, str]]:
    """The other targets that are up on this machine's own platform, each with its file and the run that uses it."""
    from chaos.platforms.embedded.platform import EmbeddedPlatform
    from chaos.preflight.standing import runs
    from chaos.state import state_dir

    under_way = {holder.target: holder.run for holder in runs(state_dir())}
    return [
        {"target": o.target, "variant": o.variant, "file": o.path, "run": under_way.get(o.target, "")}
        for o in EmbeddedPlatform.all_up()
        if o.target != target
    ]


def _halts(target: Target, platform: str | None) -> list[dict[str, Any]]:
    """Every halt that keeps runs on it from beginning here, this machine's and the target's own."""
    from chaos import platforms
    from chaos.engine.halt import HaltFile
    from chaos.errors import SaleproofError
    from chaos.state import state_dir

    here = HaltFile(state_dir()).read()
    found = [{"where": "this machine", "halt": here, "resume": "saleproof resume"}] if here else []
    try:
        for station in platforms.stations(target, platform):
            if there := station.halted():
                resume = f"saleproof resume --target {target.path}"
                found.append({"where": station.where, "halt": there, "resume": resume})
    except SaleproofError as error:
        say(f"whether the target is halted is not known: {error}")
    return found


def _bare(target: Target, inventory: Inventory) -> list[str]:
    """The places of links that run and have no fault proxy."""
    there: dict[str, list[str]] = {}
    for instance in inventory.instances.values():
        if instance.state != "spare":
            there.setdefault(instance.service, []).append(instance.name)
    places = [
        f"{client} -> {server}"
        for link in target.links.values()
        for client in there.get(link.source, ())
        for server in there.get(link.dest, ())
    ]
    return [place for place in places if place not in inventory.proxies]


def _faults(target: str) -> list[dict[str, Any]]:
    """Every fault that the ledger has for this target, looked at where it is: `on` is True, False, or None where the
    target could not be asked."""
    from chaos import faults
    from chaos.engine.ledger import Ledger
    from chaos.errors import SaleproofError
    from chaos.state import state_dir

    found = []
    ledger = Ledger(state_dir() / "ledger")
    for entry in ledger.entries():
        if entry.target != target:
            continue
        on: bool | None
        try:
            on = faults.is_present(entry.undo)
        except SaleproofError:
            on = None
        found.append(
            {
                "kind": entry.undo.kind,
                "where": entry.place,
                "run": entry.run,
                "since": entry.opened_at,
                "on": on,
                "text": entry.text,
            }
        )
    return [f for f in found if f["on"] is not False]
