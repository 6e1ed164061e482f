"""`saleproof init`: a first target file for a compose project that is already running."""

from __future__ import annotations

import argparse

from chaos.cli.common import json_option, out, out_json, say

# Not from typing, which takes 3 ms to import: `saleproof --help` is to be quick.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path

    from chaos.model.survey import Survey

HELP = "write a target file for a compose project that is already running"
EXAMPLES = """\
  saleproof init                             the only project that runs here -> targets/NAME.yaml
  saleproof init --compose voting --output targets/voting.yaml
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--compose", metavar="PROJECT", default=None, help="its name (default: the only one that runs)")
    parser.add_argument("-o", "--output", metavar="FILE", default=None, help="where to (default: targets/PROJECT.yaml)")
    parser.add_argument("--force", action="store_true", help="write over a file that is there")
    json_option(parser)


def run(arguments: argparse.Namespace) -> int:
    """Looks only; no setting's value gets into the file. Raises: UsageError; Refused, when the file is there;
    Unavailable."""
    from pathlib import Path

    from chaos.errors import Refused
    from chaos.platforms.compose.agent import Agent, borrowed
    from chaos.platforms.compose.engine import connect
    from chaos.platforms.compose.survey import pick, survey
    from chaos.spec.draft import draft

    engine = connect()
    project = pick(engine, arguments.compose)
    path = Path(arguments.output or f"targets/{project}.yaml")
    if path.exists() and not arguments.force:
        raise Refused(f"{path} is there already; --force writes over it, --output FILE writes another")
    with borrowed(engine, project):
        found = survey(engine, project, Agent(engine, project))
    _write(path, draft(found))
    if arguments.json:
        out_json({"file": str(path), "survey": found})
    else:
        _tell(path, found)
    return 0


def _write(path: Path, text: str) -> None:
    """Only a file that `validate` accepts. Raises: SaleproofError, SpecError."""
    from chaos.errors import SaleproofError
    from chaos.spec.target import load_target

    fresh = path.with_name(f".{path.name}.new.yaml")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh.write_text(text)
        load_target(fresh)
        fresh.replace(path)
    except OSError as cause:
        raise SaleproofError(f"{path} cannot be written: {cause.strerror}") from cause
    finally:
        fresh.unlink(missing_ok=True)


def _tell(path: Path, found: Survey) -> None:
    links = [f"{link.source} -> {link.dest}" for link in found.links]
    out(f"{path}: {len(found.services)} services, {len(links)} links, {len(found.outside)} endpoints outside")
    for remark in found.remarks:
        say(f"  {remark}")
    for service in found.services:
        for reason in service.cannot:
            say(f"  {service.name}: {reason}")
    say("next: read it, make the guesses right, and then")
    say(f"  saleproof validate {path}")
    say(f"  saleproof status --target {path}")
    if links:
        say(f"  saleproof attach '{links[0]}' --target {path}     a fault proxy on that link, until saleproof detach")
    say("  docs/writing-experiments.md: the first experiment")
