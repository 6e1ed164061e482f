"""`saleproof slo export`: the target's SLIs and SLOs as OpenSLO v1 files."""

from __future__ import annotations

import argparse

from chaos.cli.common import json_option, out_json, out_raw, say, target_argument, target_of

HELP = "write the target's SLIs and SLOs as OpenSLO v1"
EXAMPLES = """\
  saleproof slo export targets/shop.yaml > openslo.yaml
  saleproof slo export -o openslo/              a file for each object
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    target_argument(parser)
    parser.add_argument("-o", "--output", metavar="DIR", default="-", help="a folder, or - for stdout (the default)")
    json_option(parser)


def run(arguments: argparse.Namespace) -> int:
    """What OpenSLO has no words for is said on stderr. Raises: SpecError, UsageError."""
    from chaos.spec.openslo.write import documents

    target = target_of(arguments)
    found, said = documents(target)
    for line in said:
        say(f"not exported: {line}")
    if arguments.json:
        out_json({"documents": found, "not_exported": said})
    elif arguments.output == "-":
        out_raw("---\n".join(_yaml(document) for document in found).rstrip("\n"))
    else:
        _write(arguments.output, found)
    return 0


def _write(folder: str, found: tuple[dict[str, object], ...]) -> None:
    from pathlib import Path

    from chaos.cli.common import write_result
    from chaos.errors import UsageError

    try:
        Path(folder).mkdir(parents=True, exist_ok=True)
    except OSError as cause:
        raise UsageError(f"--output {folder}: cannot be made: {cause.strerror}") from cause
    for document in found:
        kind, name = str(document["kind"]).lower(), document["metadata"]["name"]  # type: ignore[index]
        write_result(str(Path(folder) / f"{kind}-{name}.yaml"), _yaml(document))


def _yaml(document: object) -> str:
    import yaml

    return yaml.safe_dump(document, sort_keys=False, width=1_000_000, allow_unicode=True)
