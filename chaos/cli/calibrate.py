"""`saleproof calibrate`: runs without a fault on your own target, and what its noise lets a verdict say."""

from __future__ import annotations

import argparse
import contextlib

from chaos.cli.common import (
    json_option,
    out,
    out_json,
    pick_variant,
    platform_option,
    positive,
    say,
    variant_option,
)
from chaos.errors import Interrupted, UsageError

# Not from typing, which takes 3 ms to import: `saleproof --help` is to be quick.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from chaos.model.objective import Condition
    from chaos.model.target import Target
    from chaos.rehearsal.begin import Options
    from chaos.report.live import Watching
    from chaos.units import Duration

HELP = "measure a target's noise by runs without a fault: false alarms, and what harm it can show how soon"
EXAMPLES = """\
  saleproof calibrate targets/shop.yaml --runs 20      about 8 minutes; Ctrl-C says what was learned by then
  saleproof calibrate targets/shop.yaml --runs 50 --resume     30 more, with the 20 of before
  saleproof calibrate targets/shop.yaml --windows 30s --objective "checkout.p95 < 800ms" --json
"""
ABORT = "error-rate > 50% for 3s"


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("target", metavar="TARGET", help="the target file")
    parser.add_argument("--runs", type=positive, default=20, metavar="N", help="so many runs (20)")
    parser.add_argument(
        "--windows", default="5s", metavar="LENGTH", help="how long each of a run's three windows is (5s)"
    )
    parser.add_argument(
        "--objective", action="append", default=[], metavar="SENTENCE",
        help="judge this instead of the target's SLOs; may be given several times",
    )  # fmt: skip
    parser.add_argument(
        "--resume",
        action="store_true",
        help="count the recorded runs of the same calibration; do those that are missing",
    )
    variant_option(parser)
    platform_option(parser)
    parser.add_argument("--keep-up", action="store_true", help="leave the target up if this brought it up")
    parser.add_argument("--arm", metavar="NAME", default=None, help="the name of a production target")
    json_option(parser)


def run(arguments: argparse.Namespace) -> int:
    """Exits with 1 when a run was called deviated, 2 when none could have shown it, 130 on Ctrl-C. Raises: SpecError,
    Refused, Unavailable before the first run."""
    from pathlib import Path

    from chaos.calibration import null
    from chaos.calibration.together import together
    from chaos.model.verdict import EXIT_INCONCLUSIVE
    from chaos.rehearsal.calibrating import Runs
    from chaos.spec.target import load_target

    target = load_target(Path(arguments.target))
    window = _window(arguments.windows)
    conditions, abort = _conditions(target, arguments.objective)
    experiment = null.experiment(target, conditions, window, abort)
    options = _options(arguments, target)
    done = Runs(experiment, target, options, screen=_screen, say=say)
    if arguments.resume:
        done.resume(arguments.runs)
    interrupted = done.do(arguments.runs)
    if done.plan is None:
        if done.by_hand:
            raise Interrupted(f"no run was completed: {interrupted}")
        say(f"no run was completed: {interrupted}")
        return EXIT_INCONCLUSIVE
    found = together(done.noises, done.plan, planned=arguments.runs, interrupted=interrupted, by_hand=done.by_hand)
    if arguments.json:
        out_json(found)
    else:
        from chaos.report.calibration import render

        out(render(found))
    return found.exit_code


class _Quiet:
    """Twenty runs are told of in twenty lines."""

    def planned(self, plan: object) -> None: ...

    def progress(self, who: str, what: str) -> None: ...

    def on_event(self, event: object) -> None: ...

    def on_tick(self, figures: object) -> None: ...


@contextlib.contextmanager
def _screen(title: str) -> Iterator[Watching]:
    """The live picture on a terminal; elsewhere nothing."""
    import sys

    if not sys.stderr.isatty():
        yield _Quiet()
        return
    from chaos.report.live import screen

    with screen(title) as watching:
        yield watching


def _window(text: str) -> Duration:
    """Raises: UsageError."""
    from chaos.units import Duration

    try:
        window = Duration.parse(text)
    except (ValueError, OverflowError) as error:
        raise UsageError(f"--windows {text}: {error}") from error
    if not 1 <= window <= 3600:
        raise UsageError(f"--windows {text}: it must be from 1s to 1h")
    return window


def _conditions(target: Target, sentences: list[str]) -> tuple[tuple[Condition, ...], tuple[Condition, ...]]:
    """(what is judged, what ends a run). Raises: UsageError."""
    from chaos.calibration import null
    from chaos.spec.condition import Wrong, parse

    try:
        given = tuple(parse(sentence, target) for sentence in sentences)
    except Wrong as wrong:
        raise UsageError(f"--objective: {wrong}") from wrong
    conditions = given or null.objectives(target)
    if not conditions:
        raise UsageError(
            f'{target.path} declares no SLOs; add some under `slos:`, or say --objective "availability >= 99.9%"'
        )
    return conditions, () if target.traffic is None else (parse(ABORT, target, role="abort"),)


def _options(arguments: argparse.Namespace, target: Target) -> Options:
    from chaos.rehearsal.begin import Options
    from chaos.rehearsal.production import given
    from chaos.state import store_url

    return Options(
        variant=pick_variant(target, arguments.variant), platform=arguments.platform, store=store_url(),
        keep_up=arguments.keep_up, allow_undecidable=True, ignore_budget=True,
        arming=given(target, name=arguments.arm),
    )  # fmt: skip
