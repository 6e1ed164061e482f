"""`saleproof plan`: what a run would touch, how long it takes, and whether it can decide. Touches nothing."""

from __future__ import annotations

import argparse

from chaos.cli.common import json_option, out, out_json, pick_variant, platform_option, say, variant_option

HELP = "say what a run would do, touch, take, and whether it can decide at all"
EXAMPLES = """\
  saleproof plan experiments/db-latency-spike.yaml
  saleproof plan experiments/web-crash.yaml --seed 7 --json
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    experiment_options(parser)
    json_option(parser)


def experiment_options(parser: argparse.ArgumentParser) -> None:
    """What `plan`, `run` and `export` share."""
    parser.add_argument("experiment", metavar="FILE", help="an experiment file")
    parser.add_argument("--target", metavar="FILE", default=None, help="the target file (default: found by its name)")
    variant_option(parser)
    platform_option(parser)
    parser.add_argument("--profile", default=None, metavar="NAME", help="a profile of the experiment, for example ci")
    parser.add_argument(
        "--until", choices=("end", "decided"), default=None,
        help="when a window ends: at its length, or as soon as its verdict is certain (default: what the file says)",
    )  # fmt: skip
    parser.add_argument(
        "--seed", type=int, default=None, metavar="N", help="for every random choice (default: a new one)"
    )


def run(arguments: argparse.Namespace) -> int:
    """Exits with 0 when the plan can decide its hypothesis, 2 when it cannot. Raises: SpecError."""
    from pathlib import Path

    from chaos import planner, platforms
    from chaos.rehearsal.sources import sources_of
    from chaos.spec import load_experiment
    from chaos.spec.signers import signers_file

    target_file = Path(arguments.target) if arguments.target else None
    experiment, target = load_experiment(
        Path(arguments.experiment), profile=arguments.profile, target_file=target_file, until=arguments.until
    )
    signers_file(target)
    variant = pick_variant(target, arguments.variant)
    platform = platforms.attach(target, arguments.platform, tell=say)
    where = arguments.platform or platforms.default(target)
    inventory = platform.inventory() if platform else planner.planned_inventory(target, variant, where)
    sources, unknown = sources_of(experiment, target, variant)
    for text in unknown:
        say(text)
    plan = planner.plan(
        experiment, target, inventory, variant=variant, seed=arguments.seed or 0, profile=arguments.profile,
        allow_undecidable=True, sources=sources,
    )  # fmt: skip
    if arguments.json:
        out_json(plan)
    else:
        from chaos.report.plan import render

        out(render(plan))
    return 0 if all(d.enough for d in plan.decisions) else 2
