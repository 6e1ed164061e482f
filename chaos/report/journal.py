"""A run in the Chaos Toolkit's journal format, complete enough for its reporting plugin.

The engine's own journal is the base where there is one; a run that was killed has none, and then everything is made
from our record. chaostoolkit-reporting crashes without `chaoslib-version`, `experiment.method`, `start`, `end`,
`duration`, `run[].status/start/end` or `steady_states.before/after`, so those are always there. Our verdict is under
`saleproof`.
"""

from __future__ import annotations

import copy
import json
from datetime import UTC, datetime, timedelta
from typing import Any

from chaos.model.base import to_json
from chaos.model.event import FaultFailed, FaultIntended, FaultReverted, WindowEnded, WindowStarted
from chaos.model.journal import Journal
from chaos.model.plan import PlannedFault, Window
from chaos.model.verdict import Check, Outcome, Status, Verdict

_STATUS = {
    Status.COMPLETED: "completed",
    Status.ABORTED: "aborted",
    Status.INTERRUPTED: "interrupted",
    Status.CRASHED: "failed",
}
_MODULE = "chaos.engine.activities"


def chaostoolkit_journal(journal: Journal, verdict: Verdict) -> dict[str, Any]:
    """Plain JSON data. The same record and verdict give the same journal."""
    theirs: dict[str, Any] = copy.deepcopy(journal.chaostoolkit)
    end_s = max((event.at_s for event in journal.events), default=0.0)
    experiment = _experiment(journal) | (theirs.get("experiment") or {})
    experiment.setdefault("rollbacks", [])
    made: dict[str, Any] = theirs | {
        "chaoslib-version": theirs.get("chaoslib-version") or journal.run.versions.get("chaostoolkit-lib", "1.44.0"),
        "platform": theirs.get("platform") or f"saleproof-{journal.run.versions.get('saleproof', '')}",
        "node": theirs.get("node") or journal.run.host,
        "experiment": experiment,
        "start": theirs.get("start") or _at(journal, 0.0),
        "end": theirs.get("end") or _at(journal, end_s),
        "duration": theirs.get("duration") or end_s,
        # Theirs says `completed` of every run that was not stopped; the verdict knows better.
        "status": _STATUS[verdict.status],
        "deviated": verdict.outcome is Outcome.DEVIATED,
        "steady_states": _steady_states(journal, verdict, theirs.get("steady_states") or {}),
        "run": [_whole(run, journal, end_s) for run in theirs.get("run") or []] or _runs(journal, verdict, end_s),
        "rollbacks": theirs.get("rollbacks") or [],
        "saleproof": {"run": journal.run.id, "verdict": _json(verdict)},
    }
    return made


def _json(value: Any) -> Any:
    """A noun as JSON has it: lists, no tuples."""
    return json.loads(to_json(value))


def _at(journal: Journal, at_s: float) -> str:
    """UTC without an offset, as the Chaos Toolkit writes its times."""
    moment: datetime = journal.run.started_at.astimezone(UTC) + timedelta(seconds=at_s)
    return moment.replace(tzinfo=None).isoformat()


def _experiment(journal: Journal) -> dict[str, Any]:
    plan = journal.plan
    first = next((w for w in plan.windows if w.phase == "before"), None)
    return {
        "version": "1.0.0",
        "title": plan.title,
        "description": plan.why or plan.title,
        "tags": ["saleproof", f"target:{plan.target}"],
        "steady-state-hypothesis": {
            "title": "The SLIs meet their objectives",
            "probes": [_probe(c.text, c.budget, i) for i, c in enumerate(first.conditions if first else ())],
        },
        "method": [_action(fault) for step in plan.steps for fault in step.faults],
        "rollbacks": [],
    }


def _probe(text: str, budget: float, number: int) -> dict[str, Any]:
    return {
        "type": "probe",
        "name": text,
        "tolerance": {"type": "range", "target": "value", "range": [0, budget]},
        "provider": {"type": "python", "module": _MODULE, "func": "steady_state", "arguments": {"condition": number}},
    }


def _action(fault: PlannedFault) -> dict[str, Any]:
    provider = {"type": "python", "module": _MODULE, "func": "inject", "arguments": {"step": fault.step}}
    return {"type": "action", "name": fault.text or fault.kind, "provider": provider}


def _steady_states(journal: Journal, verdict: Verdict, theirs: dict[str, Any]) -> dict[str, Any]:
    """Before and after, always; a state that the engine never came to is one that was not met."""
    windows = journal.plan.windows
    first = next((w for w in windows if w.phase == "before"), None)
    last = next((w for w in reversed(windows) if w.phase == "after"), None)
    return {
        "before": theirs.get("before") or _state(journal, verdict, first),
        "after": theirs.get("after") or _state(journal, verdict, last),
        "during": theirs.get("during") or [],
    }


def _state(journal: Journal, verdict: Verdict, window: Window | None) -> dict[str, Any]:
    checks = [c for c in verdict.checks if window is not None and c.window == window.name]
    starts = [e.at_s for e in journal.events if isinstance(e, WindowStarted) and window and e.window == window.index]
    ends = [e.at_s for e in journal.events if isinstance(e, WindowEnded) and window and e.window == window.index]
    start_s = starts[0] if starts else 0.0
    end_s = ends[-1] if ends else start_s
    return {
        "steady_state_met": bool(checks) and all(c.outcome is Outcome.HELD for c in checks),
        "probes": [_probed(journal, check, number, start_s, end_s) for number, check in enumerate(checks)],
    }


def _probed(journal: Journal, check: Check, number: int, start_s: float, end_s: float) -> dict[str, Any]:
    value = check.bad / check.total if check.total else 1.0
    return {
        "activity": _probe(check.condition, check.budget, number),
        "output": {"value": value, "bad": check.bad, "total": check.total, "text": check.text},
        "status": "succeeded" if check.total else "failed",
        "start": _at(journal, start_s),
        "end": _at(journal, end_s),
        "duration": end_s - start_s,
        "tolerance_met": check.outcome is Outcome.HELD,
    }


def _runs(journal: Journal, verdict: Verdict, end_s: float) -> list[dict[str, Any]]:
    """What was done, by our record: one action for each fault that was begun."""
    made = []
    for fault in (f for step in journal.plan.steps for f in step.faults):
        ours = [e for e in journal.events if getattr(e, "fault", None) == fault.id]
        starts = [e.at_s for e in ours if isinstance(e, FaultIntended)]
        if not ours:
            continue
        start_s = min(starts, default=ours[0].at_s)
        stop_s = max((e.at_s for e in ours if isinstance(e, FaultReverted)), default=end_s)
        reports = [_json(r) for r in verdict.faults if r.fault == fault.id]
        failed = any(isinstance(e, FaultFailed) for e in ours) or not all(r["reverted"] for r in reports)
        made.append(
            {
                "activity": _action(fault),
                "output": reports,
                "status": "failed" if failed else "succeeded",
                "start": _at(journal, start_s),
                "end": _at(journal, stop_s),
                "duration": stop_s - start_s,
            }
        )
    return made


def _whole(run: dict[str, Any], journal: Journal, end_s: float) -> dict[str, Any]:
    """An activity that was interrupted lacks what the reporting plugin cannot do without."""
    status = run.get("status")
    run["status"] = status if status in ("succeeded", "failed") else "failed"
    run["start"] = run.get("start") or _at(journal, 0.0)
    run["end"] = run.get("end") or _at(journal, end_s)
    run.setdefault("duration", 0.0)
    run.setdefault("output", None)
    return run
