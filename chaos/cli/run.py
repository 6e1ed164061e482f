"""`saleproof run`: rehearse. The process that a signal hits."""

from __future__ import annotations

import argparse
import contextlib

from chaos.cli.common import json_option, out, out_json, pick_variant, say, statistics_option
from chaos.cli.plan import experiment_options
from chaos.errors import UsageError
from chaos.load import ENGINE_NAMES

# More is a slip of the finger.
GENERATORS_MAX = 64

# Not from typing, which takes 3 ms to import: `saleproof --help` is to be quick.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path

    from chaos.rehearsal.rehearsal import Rehearsal

HELP = "run an experiment and say whether the shop holds"
EXAMPLES = """\
  saleproof run experiments/db-latency-spike.yaml
  saleproof run experiments/db-latency-spike.yaml --variant fragile
  saleproof run experiments/db-latency-spike.yaml --until decided     a window ends once its verdict is certain
  saleproof run experiments/web-crash.yaml --profile ci --json > verdict.json
  saleproof run experiments/flash-sale-surge.yaml --engine shared --generators 2
  saleproof run experiment.json                       a Chaos Toolkit experiment, as it is
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    experiment_options(parser)
    parser.add_argument("--keep-up", action="store_true", help="leave the target up if this run brought it up")
    parser.add_argument("--dry-run", action="store_true", help="stop after the plan, as `saleproof plan` does")
    parser.add_argument(
        "--arm", metavar="NAME", default=None,
        help="the name of a production target: without it, and without SALEPROOF_ARM, a person is asked to type it",
    )  # fmt: skip
    parser.add_argument(
        "--engine", choices=ENGINE_NAMES, default=ENGINE_NAMES[0],
        help="what speaks HTTP: direct has a connection for each customer, shared lets them share, curl is libcurl",
    )  # fmt: skip
    parser.add_argument(
        "--generators", type=int, default=None, metavar="N",
        help="processes that send the customers (default: as many as the rate takes, up to one a processor)",
    )  # fmt: skip
    parser.add_argument(
        "--ignore-budget", action="store_true",
        help="run although the error budget does not allow it; the record says so",
    )  # fmt: skip
    parser.add_argument(
        "--arm-signed", metavar="FILE", default=None,
        help="what `saleproof arm` has signed, to run on a production target where nobody can type its name",
    )  # fmt: skip
    parser.add_argument(
        "--journal", metavar="FILE", default=None,
        help="also write the journal in the Chaos Toolkit's format (its own experiments: default journal.json)",
    )  # fmt: skip
    statistics_option(parser)
    json_option(parser)


def run(arguments: argparse.Namespace) -> int:
    """Exits as DESIGN's table says. Raises: SpecError, Refused, Unavailable before anything is disturbed."""
    from pathlib import Path

    from chaos import spec

    path = Path(arguments.experiment)
    if spec.kind(path) == "chaostoolkit":
        from chaos.cli import vanilla

        return vanilla.run(arguments)
    if arguments.dry_run:
        from chaos.cli import plan

        return plan.run(arguments)
    if arguments.generators is not None and not 1 <= arguments.generators <= GENERATORS_MAX:
        raise UsageError(f"--generators {arguments.generators}: it must be from 1 to {GENERATORS_MAX}")
    return _rehearse(arguments, path)


def _rehearse(arguments: argparse.Namespace, path: Path) -> int:
    from pathlib import Path

    from chaos.engine.runner import execute
    from chaos.engine.signals import Signals, raise_until_ready
    from chaos.rehearsal.begin import Options
    from chaos.rehearsal.production import given
    from chaos.rehearsal.rehearsal import Rehearsal
    from chaos.report.live import screen
    from chaos.spec import load_experiment
    from chaos.state import store_url

    target_file = Path(arguments.target) if arguments.target else None
    experiment, target = load_experiment(
        path, profile=arguments.profile, target_file=target_file, until=arguments.until
    )
    options = Options(
        variant=pick_variant(target, arguments.variant), platform=arguments.platform, profile=arguments.profile,
        seed=arguments.seed,
        store=store_url(), keep_up=arguments.keep_up, engine=arguments.engine, generators=arguments.generators,
        ignore_budget=arguments.ignore_budget,
        arming=given(target, name=arguments.arm, signed=arguments.arm_signed),
    )  # fmt: skip
    raise_until_ready()
    journal_file = _writable(arguments.journal)
    with contextlib.ExitStack() as closing:
        with screen(experiment.title) as watching:
            rehearsal = Rehearsal(experiment, target, options, screen=watching)
            # Entered first, so left last: a signal while the target is taken down does not disturb that.
            signals = closing.enter_context(Signals(rehearsal.interrupt))
            closing.enter_context(rehearsal)
            signals.install()
            rehearsal.chaostoolkit = execute(rehearsal.session, signals)
            verdict = rehearsal.conclude()
        # The verdict is what people wait for; taking the target down comes after it.
        if arguments.json:
            out_json(verdict)
        else:
            _print(rehearsal, statistics=arguments.statistics)
    if journal_file is not None:
        _write_journal(rehearsal, journal_file)
    return verdict.exit_code


def _writable(name: str | None) -> Path | None:
    """The file to write at the end, tried at the beginning. Raises: UsageError."""
    from pathlib import Path

    if name is None:
        return None
    try:
        with Path(name).open("a"):
            return Path(name)
    except OSError as cause:
        raise UsageError(f"--journal {name}: cannot be written: {cause.strerror}") from cause


def _print(rehearsal: Rehearsal, *, statistics: bool) -> None:
    from chaos.cli.common import open_store
    from chaos.report.console import render

    assert rehearsal.verdict is not None
    with open_store() as store:
        journal = store.read(rehearsal.run_id)
    out(render(rehearsal.verdict, journal, statistics=statistics))


def _write_journal(rehearsal: Rehearsal, path: Path) -> None:
    import json

    from chaos.cli.common import open_store
    from chaos.report.journal import chaostoolkit_journal

    assert rehearsal.verdict is not None
    with open_store() as store:
        journal = store.read(rehearsal.run_id)
    path.write_text(json.dumps(chaostoolkit_journal(journal, rehearsal.verdict), indent=2) + "\n")
    say(f"journal: {path}")
