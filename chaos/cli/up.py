"""`saleproof up`: bring a target up and leave it up."""

from __future__ import annotations

import argparse

from chaos.cli.common import (
    find_target,
    json_option,
    out,
    out_json,
    pick_variant,
    platform_option,
    say,
    say_open,
    target_option,
    variant_option,
)

HELP = "bring the target up and leave it up"
EXAMPLES = """\
  saleproof up                          the reference shop, with all its defences
  saleproof up --variant fragile        the shop of the outage reports
  saleproof up --platform compose       the same in containers, with Shopify's Toxiproxy
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    target_option(parser)
    platform_option(parser)
    variant_option(parser)
    json_option(parser)


def run(arguments: argparse.Namespace) -> int:
    """Returns once every service is ready. Raises: Refused when another variant is up, Unavailable."""
    import time

    from chaos import platforms

    target = find_target(arguments.target)
    say_open()
    began = time.monotonic()
    wanted = arguments.platform or platforms.default(target)
    platform = platforms.up(target, pick_variant(target, arguments.variant), wanted, progress=_progress)
    inventory = platform.inventory()
    entry = platform.entry_text(target.traffic.entry) if target.traffic else ""
    if arguments.json:
        out_json({"target": target.name, "variant": inventory.variant, "platform": inventory.platform, "entry": entry})
        return 0
    # Of one that was up before, some may be down, or paused, for a reason.
    bad = [f"{i.name} ({i.state})" for i in inventory.instances.values() if not (i.state == "spare" or i.healthy)]
    ready = f"all but {', '.join(bad)} is ready" if bad else "everything is ready"
    say(f"{ready} after {time.monotonic() - began:.1f} s")
    out(
        f"{target.title or target.name} ({inventory.variant}) is up on {inventory.platform}"
        + (f": {entry}" if entry else "")
    )
    return 0


def _progress(service: str, state: str) -> None:
    say(f"  {service:<12} {state}")
