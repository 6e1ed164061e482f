"""`saleproof schema`: the JSON Schema of our files, for editors."""

from __future__ import annotations

import argparse

from chaos.cli.common import out_raw

HELP = "print the JSON Schema of experiment or target files, for editors"
EXAMPLES = """\
  saleproof schema > saleproof-experiment.schema.json
  saleproof schema target > saleproof-target.schema.json
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("kind", nargs="?", choices=("experiment", "target"), default="experiment")


def run(arguments: argparse.Namespace) -> int:
    import json

    from chaos.spec.schema import experiment_schema, target_schema

    schema = experiment_schema() if arguments.kind == "experiment" else target_schema()
    out_raw(json.dumps(schema, indent=2, ensure_ascii=False))
    return 0
