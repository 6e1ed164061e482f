"""`saleproof logs`: what the services wrote."""

from __future__ import annotations

import argparse

from chaos.cli.common import find_target, out, platform_option, positive, say, target_option
from chaos.errors import Unavailable, UsageError, nearest

HELP = "show what the services wrote"
EXAMPLES = """\
  saleproof logs web-1
  saleproof logs db --lines 200
  saleproof logs edge --follow
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "instance", nargs="?", default=None, help="for example web-1; without it, the last lines of each"
    )
    parser.add_argument("--lines", type=positive, default=40, metavar="N", help="the last so many lines (default: 40)")
    parser.add_argument("-f", "--follow", action="store_true", help="go on as they are written, until Ctrl-C")
    target_option(parser)
    platform_option(parser)


def run(arguments: argparse.Namespace) -> int:
    from chaos import platforms

    target = find_target(arguments.target)
    platform = platforms.attach(target, arguments.platform, tell=say)
    if platform is None:
        raise Unavailable(f"{target.name} is not up; start it with: saleproof up")
    names = list(platform.logged())
    if arguments.instance is not None:
        if arguments.instance not in names:
            raise UsageError(f"unknown instance '{arguments.instance}'.{nearest(arguments.instance, names)}")
        names = [arguments.instance]
    elif arguments.follow:
        raise UsageError("say which instance to follow, for example: saleproof logs web-1 --follow")
    for name in names:
        if len(names) > 1:
            out(f"== {name}")
        for line in (
            platform.follow(name, arguments.lines) if arguments.follow else platform.logs(name, arguments.lines)
        ):
            out(line)
    return 0
