"""The control of an exported experiment: the Chaos Toolkit loads it, and it opens and closes the rehearsal.

An exported experiment is what `saleproof run` gives the engine, plus this control. Under the Chaos Toolkit's own
command it has the same ledger, watchdog, guard and record.
"""

from __future__ import annotations

import contextlib
import logging
from pathlib import Path
from typing import Any, Literal

from chaos.engine import activities
from chaos.engine.signals import Signals
from chaos.errors import SaleproofError

logger = logging.getLogger("chaostoolkit")

# The engine calls plain functions of a module, so the open run has to live here; there is one a process.
_open: contextlib.ExitStack | None = None


def configure_control(
    experiment_file: str,
    target_file: str,
    variant: str,
    seed: int,
    profile: str | None,
    event_registry: Any,
    platform: str | None = None,
    until: Literal["end", "decided"] | None = None,
) -> None:
    """Open the rehearsal. What goes wrong is logged and remembered, and then every activity of the experiment fails
    with that reason: the engine itself swallows what a control raises."""
    global _open
    from chaoslib.run import RunEventHandler

    from chaos.rehearsal.begin import Options
    from chaos.rehearsal.production import given
    from chaos.rehearsal.rehearsal import Rehearsal
    from chaos.report.live import PlainLines
    from chaos.spec import load_experiment
    from chaos.state import store_url

    with contextlib.ExitStack() as stack:
        try:
            experiment, target = load_experiment(
                Path(experiment_file), profile=profile, target_file=Path(target_file), until=until
            )
            options = Options(
                variant=variant, platform=platform, profile=profile, seed=seed, store=store_url(), arming=given(target)
            )
            rehearsal = Rehearsal(experiment, target, options, screen=PlainLines(logger.info))
            # Entered first, so left last: a signal while the target is taken down does not disturb that.
            signals = stack.enter_context(Signals(rehearsal.interrupt))
            stack.enter_context(rehearsal)
        except SaleproofError as error:
            logger.error(f"Saleproof: {error}")  # noqa: TRY400  # the sentence is enough, a traceback is not for people
            activities.refuse(str(error))
            return
        signals.install()
        stack.callback(activities.use, None)

        class Reinstall(RunEventHandler):  # type: ignore[misc]
            def running(self, experiment: Any, journal: dict[str, Any], *_: Any, **__: Any) -> None:
                activities.use(rehearsal.session, journal)
                signals.install()

        event_registry.register(Reinstall())
        _open = stack.pop_all()


def cleanup_control() -> None:
    """Revert what is open, complete the record, take down what was brought up."""
    global _open
    if _open is not None:
        closing, _open = _open, None
        closing.close()
