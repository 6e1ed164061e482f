"""Invariants: a check that did not happen never reads as a pass."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

from chaos.model.event import InvariantChecked
from chaos.model.target import Invariant
from chaos.slis.invariants import SHOWN, check
from chaos.units import Duration

DEAD = "postgresql://nobody@127.0.0.1:1/nothing"


def answer(program: str, *, within_s: float = 0.0, acknowledged: tuple[str, ...] = ()) -> InvariantChecked:
    """Check with a Python program as the command."""
    invariant = Invariant(name="mine", command=("{python}", "-c", program), within=Duration(within_s))
    return check(
        invariant, sql={}, acknowledged=acknowledged, resolve=lambda word: word.replace("{python}", sys.executable),
        env=dict(os.environ), at_s=lambda: 1.0,
    )  # fmt: skip


def test_a_command_that_says_ok_holds() -> None:
    """And tells how many it looked at."""
    event = answer("import json; print(json.dumps({'ok': True, 'violations': [], 'checked': 7}))")
    assert (event.ok, event.checked, event.violations) == (True, 7, ())


def test_the_acknowledged_ids_are_its_input() -> None:
    """As a JSON list on stdin."""
    program = "import json,sys; ids=json.load(sys.stdin); print(json.dumps({'ok': False, 'violations': ids}))"
    assert answer(program, acknowledged=("o1", "o2")).violations == ("o1", "o2")


def test_a_command_that_does_not_answer_was_not_checked() -> None:
    """Exit code 0 and no answer is not a pass; the error says what it said."""
    event = answer("import sys; print('no database', file=sys.stderr)")
    assert event.ok is None
    assert "no database" in event.error


@pytest.mark.parametrize("ok", ["'false'", "1", "None"])
def test_an_ok_that_is_not_true_or_false_is_no_answer(ok: str) -> None:
    """The text `false` is not true."""
    assert answer(f"import json; print(json.dumps({{'ok': {ok}, 'violations': []}}))").ok is None


def test_a_command_that_contradicts_itself_was_not_checked() -> None:
    """It says that it holds, and fails."""
    event = answer("import json; print(json.dumps({'ok': True, 'violations': []})); raise SystemExit(3)")
    assert event.ok is None
    assert "exited with 3" in event.error


def test_not_ok_without_violations_is_a_violation() -> None:
    """Whoever says no need not say why."""
    assert answer("import json; print(json.dumps({'ok': False, 'violations': []}))").ok is False


def test_it_is_tried_until_it_holds(tmp_path: Path) -> None:
    """What is legal only for a while gets the time: here it holds at the third try."""
    tries = tmp_path / "tries"
    program = (
        f"import json, pathlib; p = pathlib.Path({json.dumps(str(tries))})\n"
        "n = len(p.read_text()) if p.exists() else 0\n"
        "p.write_text('x' * (n + 1)); print(json.dumps({'ok': n >= 2, 'violations': [] if n >= 2 else ['pending']}))"
    )
    assert answer(program, within_s=20.0).ok is True
    assert len(tries.read_text()) == 3


def test_many_violations_are_counted_not_listed() -> None:
    """The report stays readable."""
    event = answer(f"import json; print(json.dumps({{'ok': False, 'violations': list(range({SHOWN + 5}))}}))")
    assert len(event.violations) == SHOWN + 1
    assert event.violations[-1] == "and 5 more"


def test_a_database_that_does_not_answer_was_not_checked() -> None:
    """None, with one line of reason."""
    invariant = Invariant(name="mine", sql="db", query="SELECT 1", within=Duration(0))
    event = check(
        invariant, sql={"db": DEAD}, acknowledged=(), resolve=lambda word: word, env={}, at_s=lambda: 1.0
    )  # fmt: skip
    assert event.ok is None
    assert event.error
    assert "\n" not in event.error
