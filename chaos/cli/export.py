"""`saleproof export`: one of our experiments as one that the Chaos Toolkit itself runs."""

from __future__ import annotations

import argparse

from chaos.cli.common import out_raw, pick_variant, say
from chaos.cli.plan import experiment_options
from chaos.errors import UsageError

HELP = "turn an experiment into one that the Chaos Toolkit itself runs"
EXAMPLES = """\
  saleproof export experiments/db-latency-spike.yaml > db-latency-spike.json
  chaos run db-latency-spike.json
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    experiment_options(parser)
    parser.add_argument("-o", "--output", metavar="FILE", default=None, help="write it there (default: stdout)")


def run(arguments: argparse.Namespace) -> int:
    """The result needs Saleproof beside the Chaos Toolkit, and this experiment and target file where they are."""
    import json
    import secrets
    from pathlib import Path

    from chaos import planner, platforms
    from chaos.engine.compile import compile_plan
    from chaos.spec import load_experiment

    target_file = Path(arguments.target) if arguments.target else None
    experiment, target = load_experiment(
        Path(arguments.experiment), profile=arguments.profile, target_file=target_file, until=arguments.until
    )
    variant = pick_variant(target, arguments.variant)
    seed = arguments.seed if arguments.seed is not None else secrets.randbelow(2**31)
    where = arguments.platform or platforms.default(target)
    inventory = planner.planned_inventory(target, variant, where)
    plan = planner.plan(experiment, target, inventory, variant=variant, seed=seed, profile=arguments.profile)
    exported = compile_plan(plan)
    exported["controls"] = [
        {
            "name": "saleproof",
            "provider": {
                "type": "python",
                "module": "chaos.rehearsal.control",
                "arguments": {
                    "experiment_file": str(Path(arguments.experiment).resolve()),
                    "target_file": str(Path(target.path).resolve()),
                    "variant": variant,
                    "platform": where,
                    "seed": seed,
                    "profile": arguments.profile,
                    "until": arguments.until,
                },
            },
        }
    ]
    # The engine's default skips rollbacks after a failed hypothesis. Our reverts are in the activities all the same.
    exported["runtime"] = {"rollbacks": {"strategy": "always"}}
    text = json.dumps(exported, indent=2, ensure_ascii=False)
    if arguments.output:
        try:
            Path(arguments.output).write_text(text + "\n")
        except OSError as cause:
            raise UsageError(f"--output {arguments.output}: cannot be written: {cause.strerror}") from cause
        say(f"written: {arguments.output}")
    else:
        out_raw(text)
    return 0
