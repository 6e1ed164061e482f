"""Invariants: what must be true once the shop is quiet, whatever the SLIs say."""

from __future__ import annotations

import json
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence

from chaos.model.event import InvariantChecked
from chaos.model.target import Invariant

# A check that hangs must not hang the run.
COMMAND_TIMEOUT_S = 30.0
STATEMENT_TIMEOUT_MS = 10_000
# So many violations are told by name; more only make the report longer.
SHOWN = 10
PAUSE_S = 0.5
# In a query: the ids that the shop has promised to keep.
_ACKNOWLEDGED = "%(acknowledged)s"


def check(
    invariant: Invariant, *, sql: Mapping[str, str], acknowledged: Sequence[str],
    resolve: Callable[[str], str], env: Mapping[str, str], at_s: Callable[[], float],
    stop: threading.Event | None = None,
) -> InvariantChecked:  # fmt: skip
    """Try until it holds or its `within` has passed (what is legal only for a while, such as a pending payment, needs
    the time). `ok` None means that it could not be checked, which never reads as a pass; nor, when `stop` came before
    its time was over, as a violation. Never raises."""
    until_s = time.monotonic() + float(invariant.within)
    while True:
        result = _try(invariant, sql, acknowledged, resolve, env, at_s)
        if result.ok or time.monotonic() >= until_s:
            return result
        if (stop or threading.Event()).wait(PAUSE_S):
            error = f"the run was stopped before {invariant.within} were over"
            return InvariantChecked(at_s=at_s(), name=invariant.name, ok=None, error=error)


def _try(
    invariant: Invariant, sql: Mapping[str, str], acknowledged: Sequence[str],
    resolve: Callable[[str], str], env: Mapping[str, str], at_s: Callable[[], float],
) -> InvariantChecked:  # fmt: skip
    try:
        if invariant.query is not None and invariant.sql is not None:
            violations = _by_sql(invariant.query, sql[invariant.sql], acknowledged)
            # How many rows a query looks at by itself, nobody knows.
            checked = len(acknowledged) if _ACKNOWLEDGED in invariant.query else 0
        else:
            violations, checked = _by_command(invariant, acknowledged, resolve, env)
    except Exception as cause:  # any failure of the check is a check that did not happen
        error = str(cause).strip().splitlines()[0] if str(cause).strip() else type(cause).__name__
        return InvariantChecked(at_s=at_s(), name=invariant.name, ok=None, error=error)
    shown = tuple(violations[:SHOWN]) + ((f"and {len(violations) - SHOWN} more",) if len(violations) > SHOWN else ())
    return InvariantChecked(at_s=at_s(), name=invariant.name, ok=not violations, checked=checked, violations=shown)


def _by_sql(query: str, dsn: str, acknowledged: Sequence[str]) -> list[str]:
    """Every row that the query finds is a violation. The session is read-only, whatever the role may do."""
    import psycopg

    options = f"-c default_transaction_read_only=on -c statement_timeout={STATEMENT_TIMEOUT_MS}"
    with psycopg.connect(dsn, connect_timeout=5, options=options) as connection:
        # Without parameters a literal % in the query stays one.
        parameters = {"acknowledged": list(acknowledged)} if _ACKNOWLEDGED in query else None
        rows = connection.execute(query.encode(), parameters).fetchall()
    return [", ".join(str(value) for value in row) for row in rows]


def _by_command(
    invariant: Invariant, acknowledged: Sequence[str], resolve: Callable[[str], str], env: Mapping[str, str]
) -> tuple[list[str], int]:
    words = [resolve(word) for word in invariant.command]
    own = {name: resolve(value) for name, value in invariant.env.items()}
    done = subprocess.run(
        words, input=json.dumps(list(acknowledged)), env={**env, **own}, capture_output=True, text=True,
        timeout=COMMAND_TIMEOUT_S, check=False,
    )  # fmt: skip
    try:
        answer = json.loads(done.stdout)
        violations, ok = [str(v) for v in answer["violations"]], answer["ok"]
    except (ValueError, KeyError, TypeError) as cause:
        said = (done.stderr or done.stdout).strip().splitlines()
        raise RuntimeError(f"{words[0]} exited with {done.returncode} and no answer: {said[-1:] or ''}") from cause
    if not isinstance(ok, bool):
        raise TypeError(f"{words[0]} says ok: {ok!r}, which is neither true nor false")
    if ok and done.returncode != 0:
        raise RuntimeError(f"{words[0]} says that it holds, and exited with {done.returncode}")
    if not ok and not violations:
        violations = ["it says that it does not hold"]
    return violations, int(answer.get("checked", 0))
