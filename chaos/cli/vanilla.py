"""`saleproof run` for a plain Chaos Toolkit experiment: its own engine runs it, we record and judge."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import platform as machine
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from chaos.cli.common import open_store, out, out_json, say
from chaos.errors import UsageError
from chaos.judge.chaostoolkit import CHAOSTOOLKIT
from chaos.masking import masked_tree
from chaos.model.event import RunEnded, RunStarted
from chaos.model.journal import RunInfo
from chaos.model.plan import Plan
from chaos.units import Duration, Rate


def run(arguments: argparse.Namespace) -> int:
    """Exits as DESIGN's table says; 0 with `completed, no hypothesis` for one that claims nothing."""
    for option in ("variant", "profile", "target", "until", "arm"):
        if getattr(arguments, option) is not None:
            raise UsageError(
                f"--{option} is for Saleproof's own experiments; {arguments.experiment} is a Chaos Toolkit one"
            )
    from chaoslib.run import initialize_run_journal

    from chaos.engine import vanilla
    from chaos.judge import judge
    from chaos.rehearsal.begin import new_run_id, refuse_open_ledger, versions
    from chaos.spec.chaostoolkit import load_chaostoolkit

    path = Path(arguments.experiment)
    experiment = load_chaostoolkit(path)
    vanilla.strategy_of(experiment)
    if arguments.dry_run:
        out(f"a Chaos Toolkit experiment of {len(experiment.get('method', []))} activities: {experiment['title']}")
        return 0
    from chaos.engine.halt import HaltFile
    from chaos.engine.ledger import Ledger
    from chaos.rehearsal.halted import refuse_when_halted
    from chaos.state import state_dir

    state = state_dir()
    halt = HaltFile(state)
    refuse_when_halted(halt)
    refuse_open_ledger(Ledger(state / "ledger"), state / "locks")
    info = RunInfo(
        id=new_run_id(), started_at=datetime.now(UTC), experiment_text=path.read_text(), versions=versions(),
        host=machine.node(), command=tuple(sys.argv),
    )  # fmt: skip
    journal: dict[str, Any] = initialize_run_journal(experiment)
    began = datetime.now(UTC)
    # It has no target of ours to hold; a lock of its own shows `halt` that it runs.
    with _shown_as_running(state / "locks", info.id), open_store() as store:
        recorder = store.record(info, _plan(experiment, path))
        recorder.event(RunStarted(at_s=0.0, pid=os.getpid(), endpoint="chaostoolkit"))
        vanilla.execute(experiment, journal, say, lambda: str(halt.read() or ""))
        status = {"interrupted": "interrupted", "aborted": "aborted"}.get(journal["status"], "completed")
        at_s = (datetime.now(UTC) - began).total_seconds()
        reason = str(journal.get("saleproof-halt") or journal.get("saleproof-error", ""))
        recorder.event(RunEnded(at_s=at_s, status=status, reason=reason))  # type: ignore[arg-type]
        recorder.chaostoolkit(_json_safe(journal))
        recorder.finish(status)
        recorder.close()
        verdict = judge(store.read(info.id))
        store.save_verdict(verdict)
    written = Path(arguments.journal or "journal.json")
    written.write_text(json.dumps(_json_safe(journal), indent=2) + "\n")
    say(f"journal: {written}")
    if arguments.json:
        out_json(verdict)
    else:
        silent = verdict.reasons[0].startswith(verdict.status.value)  # `completed, no hypothesis` says it all
        head = "" if silent else f"{verdict.status.value}, {verdict.outcome.value}: "
        out(f"{head}{verdict.reasons[0]}")
        for reason in verdict.reasons[1:]:
            out(f"  {reason}")
    return verdict.exit_code


@contextlib.contextmanager
def _shown_as_running(locks: Path, run: str) -> Iterator[None]:
    from chaos.engine.lock import TargetLock

    name = f"chaostoolkit-{run}"
    with TargetLock(locks, name, f"run {run}"):
        try:
            yield
        finally:
            (locks / f"{name}.lock").unlink(missing_ok=True)  # the name is this run's alone


def _plan(experiment: dict[str, Any], path: Path) -> Plan:
    """A plan that says only what there is to say: the engine has its own."""
    return Plan(
        title=str(experiment.get("title", "")), why=str(experiment.get("description", "")), experiment=str(path),
        target="", platform=CHAOSTOOLKIT, variant="", seed=0, load="none", rate=Rate(0), patience=Duration(0),
        warm_up=Duration(0), recovery=Duration(0), windows=(), steps=(),
    )  # fmt: skip


def _json_safe(journal: dict[str, Any]) -> dict[str, Any]:
    """What an extension's probe returns may be anything; the record must not be lost for it."""
    safe: dict[str, Any] = masked_tree(json.loads(json.dumps(journal, default=str)))
    return safe
