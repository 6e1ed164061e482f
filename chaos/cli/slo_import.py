"""`saleproof slo import`: OpenSLO v1 files as the `slis` and `slos` of a target file."""

from __future__ import annotations

import argparse

from chaos.cli.common import json_option, out_json, out_raw, say

HELP = "read OpenSLO v1 files, and write what a target file says of the same"
EXAMPLES = """\
  saleproof slo import openslo/*.yaml            put what it prints into your target file
  saleproof slo import openslo.yaml --json
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("files", nargs="+", metavar="FILE", help="OpenSLO files; an SLO may name an SLI of another one")
    parser.add_argument("-o", "--output", metavar="FILE", default=None, help="write it there (default: stdout)")
    json_option(parser)


def run(arguments: argparse.Namespace) -> int:
    """Whatever cannot be taken over is said on stderr, line by line. Exits with 65 when that is everything, and for a
    file that is not OpenSLO v1."""
    from chaos.cli.common import write_result
    from chaos.errors import SpecError
    from chaos.spec.openslo.read import load
    from chaos.spec.openslo.section import section

    found = load(arguments.files)
    for note in found.notes:
        say(str(note))
    if not found.slis and not found.slos:
        raise SpecError("nothing in it can be taken over", path=arguments.files[0])
    if arguments.json:
        out_json(found)
    elif arguments.output:
        write_result(arguments.output, section(found))
    else:
        out_raw(section(found).rstrip("\n"))
    return 0
