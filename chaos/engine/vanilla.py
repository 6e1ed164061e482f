"""Plain Chaos Toolkit experiments, run by its own engine. What they showed is judged by chaos.judge.chaostoolkit."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from chaos.engine.vanilla_halt import Interruption
from chaos.errors import SpecError, nearest


def strategy_of(experiment: dict[str, Any]) -> Any:
    """When the hypothesis is checked, as the experiment's `runtime` says. Raises: SpecError for an unknown word."""
    from chaoslib.types import Strategy

    word = experiment.get("runtime", {}).get("hypothesis", {}).get("strategy", "default")
    try:
        return Strategy.from_string(word)
    except ValueError:
        known = ("default", "before-method-only", "after-method-only", "during-method-only", "continuously", "skip")
        raise SpecError(f"runtime.hypothesis.strategy: unknown strategy '{word}'.{nearest(word, known)}") from None


def execute(
    experiment: dict[str, Any],
    journal: dict[str, Any],
    on_line: Callable[[str], None],
    halted: Callable[[], str] = lambda: "",
) -> None:
    """Run it, filling the journal as it goes: whatever escapes the engine, the evidence stays.

    Rollbacks are always run (T2) unless the experiment's own `runtime` says otherwise. Signals keep the Chaos Toolkit's
    own meaning. Once `halted` says why, the experiment is interrupted: the activity that runs ends at once (one in the
    background runs to its end, the engine cannot stop it), then the rollbacks run; the journal's `saleproof-halt` says
    so. Raises: nothing; an escaped error is in the journal's `saleproof-error`.
    """
    from chaoslib.caching import cache_activities, clear_cache
    from chaoslib.run import Runner
    from chaoslib.types import Schedule

    logger = logging.getLogger("chaostoolkit")
    handler = _Lines(on_line)
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    runtime = experiment.get("runtime", {})
    hypothesis = runtime.get("hypothesis", {})
    rollbacks = {"strategy": "always"} | runtime.get("rollbacks", {})
    interruption = Interruption(halted)
    try:
        cache_activities(experiment)
        runner = Runner(strategy_of(experiment), Schedule(**_schedule(hypothesis)))
        with interruption.watching(runner):
            runner.run(experiment, settings={"runtime": runtime | {"rollbacks": rollbacks}}, journal=journal)
    except BaseException as cause:
        journal["saleproof-error"] = f"{type(cause).__name__}: {cause}"
        journal["status"] = "interrupted" if isinstance(cause, KeyboardInterrupt | SystemExit) else "aborted"
    finally:
        if interruption.reason:
            journal["saleproof-halt"] = interruption.reason
            journal["status"] = "interrupted"
        logger.removeHandler(handler)
        clear_cache()


def _schedule(hypothesis: dict[str, Any]) -> dict[str, Any]:
    names = {
        "frequency": "continuous_hypothesis_frequency",
        "fail_fast": "fail_fast",
        "fail_fast_ratio": "fail_fast_ratio",
    }
    return {ours: hypothesis[theirs] for theirs, ours in names.items() if theirs in hypothesis}


class _Lines(logging.Handler):
    def __init__(self, on_line: Callable[[str], None]) -> None:
        super().__init__(logging.INFO)
        self._on_line = on_line

    def emit(self, record: logging.LogRecord) -> None:
        self._on_line(record.getMessage())
