"""`saleproof judge`: judge a recorded run again, from its record alone; also with other objectives."""

from __future__ import annotations

import argparse

from chaos.cli.common import json_option, open_recorded, out, out_json, refuse_under_way, statistics_option
from chaos.errors import SpecError, SpecErrors, UsageError

# Not from typing, which takes 3 ms to import: `saleproof --help` is to be quick.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from chaos.model.journal import Journal
    from chaos.model.objective import Condition
    from chaos.model.target import Target

HELP = "judge a recorded run again, from its record alone; also with other objectives"
EXAMPLES = """\
  saleproof judge last
  saleproof judge last --json | sha256sum                        the same twice
  saleproof judge last --objective "checkout.p99 < 1s"           instead of what it was run with, for this SLI
  saleproof judge 20261121-1133 --with experiments/strict.yaml   by another experiment's hypothesis
  saleproof judge last --statistics                              every bound and test behind the words
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", nargs="?", default="last", help="a run's id, the beginning of one, or `last`")
    parser.add_argument(
        "--with", dest="experiment", metavar="FILE", default=None,
        help="judge by the hypothesis (and `during`) of this experiment instead of the run's own",
    )  # fmt: skip
    parser.add_argument("--profile", default=None, metavar="NAME", help="a profile of that experiment, for example ci")
    parser.add_argument(
        "--objective", dest="objectives", metavar="SENTENCE", action="append", default=[],
        help="judge by this sentence, in place of those on the same SLI, or beside them; may be given several times",
    )  # fmt: skip
    statistics_option(parser)
    json_option(parser)


def run(arguments: argparse.Namespace) -> int:
    """Exits as the run would have: 0 held, 1 deviated, 2 inconclusive, 3 a fault still in place. Nothing is recorded:
    the run keeps the verdict that it was given. Raises: UsageError, SpecError for objectives that cannot be asked."""
    import msgspec

    from chaos.judge import judge
    from chaos.judge.objectives import asked

    if arguments.profile and not arguments.experiment:
        raise UsageError("--profile belongs to the experiment of --with")
    with open_recorded() as store:
        journal = store.read(arguments.run)
        refuse_under_way(journal.run.id)
    if arguments.experiment or arguments.objectives:
        journal = _others(journal, arguments)
        verdict = msgspec.structs.replace(judge(journal), objectives=asked(journal))
    else:
        verdict = judge(journal)
    if arguments.json:
        out_json(verdict)
    else:
        from chaos.report.console import render

        out(render(verdict, journal, statistics=arguments.statistics))
    return verdict.exit_code


def _others(journal: Journal, arguments: argparse.Namespace) -> Journal:
    from chaos.judge.objectives import with_hypothesis, with_sentences
    from chaos.spec import recorded_target

    if not journal.plan.target:
        raise UsageError(
            f"{journal.run.id} was run by the Chaos Toolkit's engine: there is no traffic of ours to judge"
        )
    # What the words meant when the run was made: its steps, groups and SLIs, whatever the file says now.
    target = recorded_target(journal.run.target_text, journal.run.id)
    if arguments.experiment:
        from pathlib import Path

        from chaos.spec import load_experiment

        path = Path(arguments.experiment)
        try:
            experiment, _ = load_experiment(path, profile=arguments.profile, target=target)
        except SpecError as error:
            raise _as_recorded(error, journal.run.id) from error
        journal = with_hypothesis(journal, experiment.hypothesis, experiment.during_conditions())
    return with_sentences(journal, (_sentence(text, target, journal.run.id) for text in arguments.objectives))


def _as_recorded(error: SpecError, run: str) -> SpecErrors:
    errors = error.errors if isinstance(error, SpecErrors) else (error,)
    return SpecErrors(
        [SpecError(_of_record(e.message, run), path=e.path, line=e.line, column=e.column) for e in errors]
    )


def _of_record(message: str, run: str) -> str:
    """What the target file of today has may be what it had not when the run was made."""
    return (
        f"{message} The record of {run} has no other." if "or SLI '" in message or "unknown SLI" in message else message
    )


def _sentence(text: str, target: Target, run: str) -> Condition:
    from chaos.spec import condition

    try:
        return condition.parse(text, target)
    except condition.Wrong as wrong:
        raise UsageError(f"--objective: {_of_record(str(wrong), run)}") from wrong
