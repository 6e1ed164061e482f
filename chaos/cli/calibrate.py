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
from chaos.errors import Interrupted, SaleproofError, UsageError

# Not from typing, which takes 3 ms to import: `saleproof --help` is to be quick.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from chaos.calibration.noise import RunNoise
    from chaos.model.experiment import Experiment
    from chaos.model.objective import Condition
    from chaos.model.plan import Plan
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
# What a run takes besides its windows: to begin, to let the last customers finish, to check the invariants.
AROUND_S = 8.0
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
    from chaos.model.verdict import EXIT_INCONCLUSIVE
    from chaos.spec.target import load_target

    target = load_target(Path(arguments.target))
    window = _window(arguments.windows)
    conditions, abort = _conditions(target, arguments.objective)
    experiment = null.experiment(target, conditions, window, abort)
    options = _options(arguments, target)
    done = Runs(experiment, target, options)
    if arguments.resume:
        done.resume(arguments.runs)
    interrupted = done.do(arguments.runs)
    if done.plan is None:
        if done.by_hand:
            raise Interrupted(f"no run was completed: {interrupted}")
        say(f"no run was completed: {interrupted}")
        return EXIT_INCONCLUSIVE
    return _conclude(done, arguments, interrupted)


def _conclude(done: Runs, arguments: argparse.Namespace, interrupted: str) -> int:
    from chaos.calibration import noise, power
    from chaos.stats.sequential import needed

    assert done.plan is not None
    e_needed = needed(done.plan.tests, done.plan.alpha)
    noises = [
        power.with_power(
            noise.of_condition(condition, index, done.noises), condition, e_needed,
            noise.seconds_together(index, done.noises),
        )
        for index, condition in enumerate(done.plan.windows[0].conditions)
    ]  # fmt: skip
    found = noise.together(
        done.noises, done.plan, noises, planned=arguments.runs, interrupted=interrupted, by_hand=done.by_hand
    )
    if arguments.json:
        out_json(found)
    else:
        from chaos.report.calibration import render

        out(render(found))
    return found.exit_code


class Runs:
    """One after the other on a target that stays up in between."""

    def __init__(self, experiment: Experiment, target: Target, options: Options) -> None:
        self.experiment, self.target, self.options = experiment, target, options
        self.noises: list[RunNoise] = []
        self.plan: Plan | None = None
        self.by_hand = False  # did a person end it?

    def resume(self, most: int) -> None:
        """Those of the same calibration that are recorded, newest last."""
        from chaos.cli.common import open_store

        with open_store() as store:
            for summary in store.runs(limit=1000):
                same = (summary.title, summary.target, summary.variant, summary.status) == (
                    self.experiment.title, self.target.name, self.options.variant, "completed"
                )  # fmt: skip
                if same and len(self.noises) < most and self._same(store.read(summary.id).plan):
                    self._learn(summary.id)
        self.noises.reverse()
        say(f"{len(self.noises)} runs of this calibration are recorded")

    def do(self, planned: int) -> str:
        """Why it ended early; empty when it did not. Raises: what refuses the first run."""
        from chaos import platforms
        from chaos.engine.signals import raise_until_ready

        todo = planned - len(self.noises)
        if not todo:
            return ""
        say(f"{todo} runs without a fault: about {_minutes(todo * self._length_s())}")
        was_up = platforms.attach(self.target, self.options.platform) is not None
        leave_up, self.options.keep_up = self.options.keep_up, True
        number = len(self.noises) + 1
        try:
            for number in range(len(self.noises) + 1, planned + 1):
                raise_until_ready()
                status = self._one(f"calibration of {self.target.name}, run {number} of {planned}")
                if status:
                    return status
                say(self._progress(number, planned))
        except KeyboardInterrupt:
            self.by_hand = True
            return f"interrupted in run {number}"
        except SaleproofError as cause:
            if not self.noises:
                raise
            return f"run {number} did not begin: {cause}"
        finally:
            if not was_up and not leave_up:
                self._down()
        return ""

    def _one(self, title: str) -> str:
        """One run. Why it was not completed; empty when it was."""
        from chaos.engine.runner import execute
        from chaos.engine.signals import Signals
        from chaos.rehearsal.rehearsal import Rehearsal

        with contextlib.ExitStack() as closing:
            watching = closing.enter_context(_screen(title))
            rehearsal = Rehearsal(self.experiment, self.target, self.options, screen=watching)
            signals = closing.enter_context(Signals(rehearsal.interrupt))
            closing.enter_context(rehearsal)
            signals.install()
            rehearsal.chaostoolkit = execute(rehearsal.session, signals)
            verdict = rehearsal.conclude()
        if verdict.status != "completed":
            self.by_hand = verdict.status == "interrupted"
            return f"run {len(self.noises) + 1} was {verdict.status}: {verdict.reasons[0]}"
        self._learn(rehearsal.run_id)
        return ""

    def _learn(self, run_id: str) -> None:
        from chaos.calibration.noise import of_run
        from chaos.cli.common import open_store
        from chaos.judge import judge

        with open_store() as store:
            journal = store.read(run_id)
        self.plan = self.plan or journal.plan
        self.noises.append(of_run(journal, judge(journal)))

    def _same(self, plan: Plan) -> bool:
        """Was it judged on the same sentences, in windows as long?"""
        first = plan.windows[0]
        wanted = tuple(condition.text for condition in self.experiment.hypothesis)
        return (
            tuple(condition.text for condition in first.conditions) == wanted
            and {window.length for window in plan.windows} == {self.experiment.windows.before}
            and self.options.platform in (None, plan.platform)
        )

    def _length_s(self) -> float:
        windows = self.experiment.windows
        return float(windows.warm_up) + 3 * float(windows.before) + AROUND_S

    def _progress(self, number: int, planned: int) -> str:
        alarmed = sum(bool(noise.alarms) for noise in self.noises)
        last = f" ({self.noises[-1].outcome})" if self.noises else ""
        left = f", about {_minutes((planned - number) * self._length_s())} to go" if number < planned else ""
        return f"run {number} of {planned}{last}: {alarmed} of {len(self.noises)} called something deviated{left}"

    def _down(self) -> None:
        from chaos import platforms
        from chaos.engine.lock import TargetLock
        from chaos.state import state_dir

        found = platforms.attach(self.target, self.options.platform)
        if found is not None:
            with TargetLock(state_dir() / "locks", self.target.name, "saleproof calibrate"):
                platforms.clean(self.target, found.name)


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


def _minutes(seconds: float) -> str:
    return f"{seconds / 60:.0f} min" if seconds >= 90 else f"{seconds:.0f} s"
