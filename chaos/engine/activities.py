"""What a compiled experiment calls: plain functions with JSON-safe answers, as the Chaos Toolkit wants its providers.

They act on the current session. `saleproof run` opens one before it starts the engine; the control
`chaos.rehearsal.control` opens one when the Chaos Toolkit itself runs an exported experiment.
"""

from __future__ import annotations

from typing import Any, NoReturn

from chaos.engine.session import Session, Stopped

_current: Session | None = None
_journal: dict[str, Any] | None = None
_refusal = "no run is open: an exported experiment needs its control, chaos.rehearsal.control"


def use(session: Session | None, journal: dict[str, Any] | None = None) -> None:
    """Make a session the current one, with the engine's live journal. One a process: signals and the engine's caches
    are process-wide too."""
    global _current, _journal
    _current, _journal = session, journal


def refuse(reason: str) -> None:
    """No run could be opened: every activity says so."""
    global _refusal
    _refusal = reason


def current() -> Session:
    """Raises: RuntimeError outside of a run."""
    if _current is None:
        raise RuntimeError(_refusal)
    return _current


def steady_state(condition: int) -> dict[str, Any]:
    """One sentence of the hypothesis as measured: `{"value": bad fraction, "bad": n, "total": n, "text": ...}`.

    The first call of a pass lets the window go by: warm-up and `before` at first, recovery and the last `after` later.
    """
    session = current()
    window = session.plan.windows[-1 if session.method_began else 0]
    if window.index not in session.spans:
        try:
            session.wait(float(session.plan.recovery if session.method_began else session.plan.warm_up))
            session.measure(window)
        except Stopped as stopped:
            _interrupt(stopped)
    return session.figures(window, window.conditions[condition])


def whole_run() -> dict[str, Any]:
    """The verdict on everything that was recorded, as the hypothesis' last sentence: `{"status": exit code, ...}`.

    Before the method there is nothing to say yet. At the end this is what keeps a shop that failed only *during* the
    fault from reading as a pass.
    """
    session = current()
    if not session.method_began:
        return {"status": 0, "outcome": "not yet"}
    return session.conclude()


def inject(step: int) -> list[dict[str, Any]]:
    """One step of the method: inject, confirm, hold, revert. Answers what was measured of each fault."""
    session = current()
    try:
        return session.run_step(session.plan.steps[step])
    except Stopped as stopped:
        _interrupt(stopped)
    except Exception as cause:
        session.fail(f"step {step + 1}: {cause}")
        _interrupt(Stopped(session.reason))


def between(window: int) -> dict[str, Any]:
    """The shared window between two injections: recovery first, then as long as the window says."""
    session = current()
    try:
        session.wait(float(session.plan.recovery))
        session.measure(session.plan.windows[window])
    except Stopped as stopped:
        _interrupt(stopped)
    shared = session.plan.windows[window]
    return {c.text: session.figures(shared, c) for c in shared.conditions}


def _interrupt(stopped: Stopped) -> NoReturn:
    """End the engine's loops at once. It turns whatever an activity raises into a failed activity and goes on; only the
    journal's status, which it looks at after each activity, makes it stop."""
    if _journal is not None:
        _journal["status"] = "interrupted"
    raise stopped
