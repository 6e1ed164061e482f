"""`saleproof validate`: are these files right? Nothing is started, nothing is touched."""

from __future__ import annotations

import argparse

from chaos.cli.common import json_option, out, out_json, say
from chaos.errors import SpecError

# Not from typing, which takes 3 ms to import: `saleproof --help` is to be quick.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path

HELP = "check experiment, target and Chaos Toolkit files, without running anything"
EXAMPLES = """\
  saleproof validate experiments/*.yaml targets/*.yaml
  saleproof validate --json experiments/db-latency-spike.yaml
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("files", nargs="+", metavar="FILE", help="YAML or JSON")
    parser.add_argument("--target", metavar="FILE", default=None, help="resolve experiments against this target file")
    json_option(parser)


def run(arguments: argparse.Namespace) -> int:
    """Every file is looked at, also after a bad one. Exits with 65 when any is bad."""
    from pathlib import Path

    results = []
    for name in arguments.files:
        try:
            kind, title = _check(Path(name), arguments.target)
            results.append({"file": name, "kind": kind, "title": title, "valid": True, "errors": []})
            if not arguments.json:
                out(f"{name}: a valid {kind}: {title}")
        except SpecError as error:
            lines = str(error).splitlines()
            results.append({"file": name, "kind": None, "title": None, "valid": False, "errors": lines})
            if not arguments.json:
                say("\n".join(lines))
    if arguments.json:
        out_json(results)
    return 0 if all(r["valid"] for r in results) else SpecError.exit_code


def _check(path: Path, target: str | None) -> tuple[str, str]:
    """What kind of file it is, and its title. Raises: SpecError."""
    from pathlib import Path

    from chaos import spec
    from chaos.spec.signers import signers_file

    kind = spec.kind(path)
    if kind == "target":
        checked = spec.load_target(path)
        signers_file(checked)
        return kind, checked.title or checked.name
    if kind == "chaostoolkit":
        from chaos.spec.chaostoolkit import load_chaostoolkit

        return "Chaos Toolkit experiment", str(load_chaostoolkit(path).get("title", ""))
    experiment, its_target = spec.load_experiment(path, target_file=Path(target) if target else None)
    signers_file(its_target)
    return kind, experiment.title
