"""Runs without a fault, one after the other: what `saleproof calibrate` does to a target."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from chaos import platforms
from chaos.calibration.noise import RunNoise, of_run
from chaos.engine.lock import TargetLock
from chaos.engine.runner import execute
from chaos.engine.signals import Signals, raise_until_ready
from chaos.errors import SaleproofError
from chaos.judge import judge
from chaos.rehearsal.begin import Options
from chaos.rehearsal.rehearsal import Rehearsal
from chaos.state import state_dir
from chaos.store import Store

if TYPE_CHECKING:
    from chaos.model.experiment import Experiment
    from chaos.model.plan import Plan
    from chaos.model.target import Target
    from chaos.report.live import Watching

# What a run takes besides its windows: to begin, to let the last customers finish, to check the invariants.
AROUND_S = 8.0


class Runs:
    """One after the other on a target that stays up in between. `noises` are of those that were completed; `plan` is
    theirs, None before there is one. `screen` is what a run is watched on, by its title; `say` gets a line for people.
    """

    def __init__(
        self, experiment: Experiment, target: Target, options: Options, *,
        screen: Callable[[str], AbstractContextManager[Watching]], say: Callable[[str], None],
    ) -> None:  # fmt: skip
        self.experiment, self.target = experiment, target
        self.options = dataclasses.replace(options, keep_up=True)
        self._leave_up = options.keep_up
        self._screen, self._say = screen, say
        self.noises: list[RunNoise] = []
        self.plan: Plan | None = None
        self.by_hand = False  # did a person end it?

    def resume(self, most: int) -> None:
        """Learn from those of the same calibration that are recorded, newest last. Raises: StoreError, Unavailable."""
        others = 0
        with Store.open(self.options.store) as store:
            for summary in store.runs(limit=1000):
                same = (summary.title, summary.target, summary.variant, summary.status) == (
                    self.experiment.title, self.target.name, self.options.variant, "completed"
                )  # fmt: skip
                if not same or len(self.noises) >= most:
                    continue
                journal = store.read(summary.id)
                if not self._same(journal.plan):
                    continue
                if journal.run.target_text == self.target.text:
                    self._learn(summary.id)
                else:  # another rate, other journeys: the figures of both together would be nobody's
                    others += 1
        self.noises.reverse()
        apart = f"; {others} of when its target file was another do not count" if others else ""
        self._say(f"{len(self.noises)} runs of this calibration are recorded{apart}")

    def do(self, planned: int) -> str:
        """Why it ended early; empty when it did not. Raises: what refuses the first run."""
        todo = planned - len(self.noises)
        if not todo:
            return ""
        self._say(f"{todo} runs without a fault: about {_minutes(todo * self._length_s())}")
        was_up = platforms.attach(self.target, self.options.platform) is not None
        number = len(self.noises) + 1
        try:
            for number in range(len(self.noises) + 1, planned + 1):
                raise_until_ready()
                status = self._one(f"calibration of {self.target.name}, run {number} of {planned}")
                if status:
                    return status
                self._say(self._progress(number, planned))
        except KeyboardInterrupt:
            self.by_hand = True
            return f"interrupted in run {number}"
        except SaleproofError as cause:
            if not self.noises:
                raise
            return f"run {number} did not begin: {cause}"
        finally:
            if not was_up and not self._leave_up:
                self._down()
        return ""

    def _one(self, title: str) -> str:
        """One run. Why it was not completed; empty when it was."""
        with contextlib.ExitStack() as closing:
            watching = closing.enter_context(self._screen(title))
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
        with Store.open(self.options.store) as store:
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
        found = platforms.attach(self.target, self.options.platform)
        if found is not None:
            with TargetLock(state_dir() / "locks", self.target.name, "saleproof calibrate"):
                platforms.clean(self.target, found.name)


def _minutes(seconds: float) -> str:
    return f"{seconds / 60:.0f} min" if seconds >= 90 else f"{seconds:.0f} s"
