"""`saleproof export`: an experiment for the Chaos Toolkit, or a recorded run's latencies for HdrHistogram's tools."""

from __future__ import annotations

import argparse

from chaos.cli.common import open_recorded, out_raw, pick_variant, say
from chaos.cli.plan import experiment_options
from chaos.errors import UsageError

# Not from typing, which takes 3 ms to import: `saleproof --help` is to be quick.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path

HELP = "turn an experiment into one that the Chaos Toolkit runs, or a run into HdrHistogram's logs"
EXAMPLES = """\
  saleproof export experiments/db-latency-spike.yaml > db-latency-spike.json
  chaos run db-latency-spike.json
  saleproof export last --hdr latencies/              windows.hlog and seconds.hlog, of the last run
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    experiment_options(parser)
    parser.add_argument(
        "--hdr", metavar="DIR", default=None,
        help="write the latencies of a recorded run there (then FILE is its id, or `last`), as HdrHistogram's logs",
    )  # fmt: skip
    parser.add_argument("-o", "--output", metavar="FILE", default=None, help="write it there (default: stdout)")


def run(arguments: argparse.Namespace) -> int:
    """The result needs Saleproof beside the Chaos Toolkit, and this experiment and target file where they are."""
    import json
    import secrets
    from pathlib import Path

    if arguments.hdr is not None:
        return _export_latencies(arguments.experiment, Path(arguments.hdr))

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


def _export_latencies(run: str, folder: Path) -> int:
    """A line for each window, and for each second. Raises: UsageError."""
    from chaos.report.hdr import hdr_log, seconds, windows

    with open_recorded() as store:
        journal = store.read(run)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, intervals in (("windows", windows(journal)), ("seconds", seconds(journal))):
            path = folder / f"{name}.hlog"
            path.write_text(hdr_log(journal, intervals))
            say(f"written: {path}")
    except OSError as cause:
        raise UsageError(f"--hdr {folder}: cannot be written: {cause.strerror}") from cause
    return 0
