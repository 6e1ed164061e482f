"""What a plain Chaos Toolkit experiment showed, so that the stock engine's false greens do not read as a pass.

What it calls `completed` can be a rollback that never ran, a hypothesis that failed all the time that the fault was on,
or an injection that raised. Its journal has all of that; here it is read.
"""

from __future__ import annotations

from typing import Any

from chaos.model.verdict import Outcome, Status, exit_code

# What `Plan.platform` says of a run whose engine was the Chaos Toolkit's own.
CHAOSTOOLKIT = "chaostoolkit"

STATUSES = {"completed": Status.COMPLETED, "interrupted": Status.INTERRUPTED, "aborted": Status.ABORTED}


def judge_chaostoolkit(journal: dict[str, Any]) -> tuple[Status, Outcome, int, tuple[str, ...]]:
    """Status, outcome, exit code and reasons of an engine's journal. No hypothesis and no doubt is exit 0."""
    status = STATUSES.get(journal.get("status") or "", Status.COMPLETED)
    deviated, doubtful, stuck = _deviations(journal), _doubts(journal), _stuck(journal)
    hypothesis = bool((journal.get("experiment") or {}).get("steady-state-hypothesis"))
    outcome = Outcome.DEVIATED if deviated else Outcome.INCONCLUSIVE if doubtful else Outcome.HELD
    if status is not Status.COMPLETED and outcome is Outcome.HELD:
        outcome = Outcome.INCONCLUSIVE
    halted = [str(journal["saleproof-halt"])] if "saleproof-halt" in journal else []
    held = "the hypothesis was met before and after the method" if hypothesis else "completed, no hypothesis"
    return (
        status,
        outcome,
        exit_code(status, outcome, stuck=bool(stuck)),
        (*stuck, *halted, *deviated, *doubtful) or (held,),
    )


def _deviations(journal: dict[str, Any]) -> list[str]:
    states = journal.get("steady_states") or {}
    during = [s for s in states.get("during") or [] if not _met(s)]
    found = []
    if during:
        found.append(f"during the method the hypothesis was not met {len(during)} times ({_probe(during[0])})")
    if states.get("after") is not None and not _met(states["after"]):
        found.append(f"after the method the hypothesis was not met ({_probe(states['after'])})")
    return found


def _doubts(journal: dict[str, Any]) -> list[str]:
    before = (journal.get("steady_states") or {}).get("before")
    found = []
    if before is not None and not _met(before):
        found.append(f"the system was not steady before the method ({_probe(before)})")
    found += [f"{_name(run)}: the activity failed" for run in journal.get("run") or [] if not _succeeded(run)]
    if "saleproof-error" in journal:
        found.append(f"the engine failed: {journal['saleproof-error']}")
    return found


def _stuck(journal: dict[str, Any]) -> list[str]:
    failed = [run for run in journal.get("rollbacks") or [] if not _succeeded(run)]
    return [f"{_name(run)}: the rollback failed; what it undoes may still be in place" for run in failed]


def _met(state: dict[str, Any] | None) -> bool:
    return bool(state and state.get("steady_state_met"))


def _succeeded(run: dict[str, Any]) -> bool:
    return run.get("status") == "succeeded"


def _probe(state: dict[str, Any] | None) -> str:
    probes = (state or {}).get("probes") or []
    return _name(probes[-1]) if probes else "no probe ran"


def _name(run: dict[str, Any]) -> str:
    return str((run.get("activity") or {}).get("name", "an activity"))
