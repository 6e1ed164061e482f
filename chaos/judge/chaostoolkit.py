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
    outcome = Outcome.DEVIATED if deviated else Outcome.INCONCLUSIVE if doubtful else Outcome.HELD
    if status is not Status.COMPLETED and outcome is Outcome.HELD:
        outcome = Outcome.INCONCLUSIVE
    halted = [str(journal["saleproof-halt"])] if "saleproof-halt" in journal else []
    reasons = (*stuck, *halted, *deviated, *doubtful) or (_held(journal),)
    # Its `aborted` is an error of the engine or of an extension, not a guard that saw the system suffer.
    counts_as = Status.COMPLETED if status is Status.ABORTED else status
    return status, outcome, exit_code(counts_as, outcome, stuck=bool(stuck)), reasons


def _held(journal: dict[str, Any]) -> str:
    """What no doubt means. A hypothesis without probes claims nothing."""
    if not _claims(journal):
        return "completed, no hypothesis"
    states = journal.get("steady_states") or {}
    checked = [phase for phase in ("before", "during", "after") if states.get(phase)]
    return f"the hypothesis was met {' and '.join(checked)} the method"


def _claims(journal: dict[str, Any]) -> bool:
    hypothesis = (journal.get("experiment") or {}).get("steady-state-hypothesis") or {}
    return bool(hypothesis.get("probes"))


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
    states = journal.get("steady_states") or {}
    before = states.get("before")
    found = []
    if before is not None and not _met(before):
        found.append(f"the system was not steady before the method ({_probe(before)})")
    runs = journal.get("run") or []
    found += [f"{_name(run)}: the activity failed" for run in runs if not _succeeded(run)]
    found += [f"{_name(run)}: {said}" for run in runs if _succeeded(run) and (said := _refused(run))]
    unchecked = _claims(journal) and not (states.get("during") or states.get("after"))
    if unchecked and journal.get("status") == "completed":
        found.append("the hypothesis was checked neither during nor after the method")
    if "saleproof-error" in journal:
        found.append(f"the engine failed: {journal['saleproof-error']}")
    return found


def _stuck(journal: dict[str, Any]) -> list[str]:
    """Rollbacks that failed (T6), that were told no (T7), or that an early end has skipped (T2)."""
    ran = journal.get("rollbacks") or []
    left = "what it undoes may still be in place"
    found = [f"{_name(run)}: the rollback failed; {left}" for run in ran if not _succeeded(run)]
    found += [
        f"{_name(run)}: the rollback {said}; {left}" for run in ran if _succeeded(run) and (said := _refused(run))
    ]
    declared = (journal.get("experiment") or {}).get("rollbacks") or []
    ended_early = journal.get("status") in ("interrupted", "aborted") or "saleproof-error" in journal
    if ended_early and journal.get("run") and not ran:
        found += [f"{_name({'activity': each})}: the rollback was not run; {left}" for each in declared]
    return found


def _refused(run: dict[str, Any]) -> str:
    """How an action was told no that the engine calls succeeded: a program's exit code, a server's answer."""
    activity, output = run.get("activity") or {}, run.get("output")
    status = output.get("status") if isinstance(output, dict) else None
    if activity.get("type") != "action" or not isinstance(status, int):
        return ""
    provider = activity.get("provider") or {}
    if provider.get("type") == "process":
        return f"exited with {status}" if status else ""
    # What is not there needs no deleting.
    gone = status in (404, 410) and str(provider.get("method", "GET")).upper() == "DELETE"
    return f"was answered {status}" if provider.get("type") == "http" and status >= 400 and not gone else ""


def _met(state: dict[str, Any] | None) -> bool:
    return bool(state and state.get("steady_state_met"))


def _succeeded(run: dict[str, Any]) -> bool:
    return run.get("status") == "succeeded"


def _probe(state: dict[str, Any] | None) -> str:
    probes = (state or {}).get("probes") or []
    return _name(probes[-1]) if probes else "no probe ran"


def _name(run: dict[str, Any]) -> str:
    return str((run.get("activity") or {}).get("name", "an activity"))
