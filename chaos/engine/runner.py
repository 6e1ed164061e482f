"""The Chaos Toolkit's engine as our sequencer and journal writer. Nothing of our safety hangs on it."""

from __future__ import annotations

import logging
from typing import Any

from chaos.engine import activities
from chaos.engine.compile import compile_plan
from chaos.engine.session import Session
from chaos.engine.signals import Signals
from chaos.model.verdict import Status


def execute(session: Session, signals: Signals) -> dict[str, Any]:
    """Run the session's plan to its end, however it ends, with every fault reverted. Returns the engine's journal.

    Raises: nothing that the engine or an activity raised: it is in the journal's `saleproof-error`, and the session is
    failed.
    """
    from chaoslib.caching import cache_activities, clear_cache
    from chaoslib.run import RunEventHandler, Runner, initialize_run_journal
    from chaoslib.types import Strategy

    class Reinstall(RunEventHandler):  # type: ignore[misc]
        def running(self, *_: Any, **__: Any) -> None:
            signals.install()  # the engine has just put handlers that raise inside whatever runs

    logging.getLogger("chaostoolkit").addHandler(logging.NullHandler())
    experiment = compile_plan(session.plan)
    # Ours from the start: the evidence survives an exception that escapes the engine.
    journal: dict[str, Any] = initialize_run_journal(experiment)
    activities.use(session, journal)
    try:
        cache_activities(experiment)
        runner = Runner(Strategy.DEFAULT)
        runner.register_event_handler(Reinstall())
        runner.run(experiment, settings={"runtime": {"rollbacks": {"strategy": "always"}}}, journal=journal)
    except BaseException as cause:  # the engine lets some exceptions through; the faults come first
        journal["saleproof-error"] = f"{type(cause).__name__}: {cause}"
        session.fail(f"the engine failed: {journal['saleproof-error']}")
    finally:
        session.revert_open()
        activities.use(None)
        clear_cache()
        if session.status is not Status.COMPLETED:
            journal["status"] = "interrupted" if session.status is Status.INTERRUPTED else "aborted"
    return journal
