"""Other objectives for a run that was made: the same record, judged by what somebody wants to know now.

The record is never changed. The windows stay as they were; only what is asked in them is another.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable

import msgspec

from chaos.model.journal import Journal
from chaos.model.objective import Condition
from chaos.model.plan import Window

Conditions = tuple[Condition, ...]


def with_hypothesis(journal: Journal, hypothesis: Conditions, during: Conditions) -> Journal:
    """The same record, asked another experiment's questions. `during` are those that hold while a fault is on."""
    return _asked(journal, lambda window: during if window.phase == "during" else hypothesis)


def with_sentences(journal: Journal, conditions: Iterable[Condition]) -> Journal:
    """The same record, with sentences that replace those on the same SLI and scope, in every window, or are added."""
    new = {condition.key: condition for condition in conditions}
    return _asked(journal, lambda window: tuple(({c.key: c for c in window.conditions} | new).values()))


def asked(journal: Journal) -> tuple[str, ...]:
    """Every sentence that is judged, once."""
    return tuple(dict.fromkeys(c.text for window in journal.plan.windows for c in window.conditions))


def _asked(journal: Journal, conditions: Callable[[Window], Conditions]) -> Journal:
    windows = tuple(
        msgspec.structs.replace(window, conditions=_for(window, conditions(window))) for window in journal.plan.windows
    )
    return dataclasses.replace(journal, plan=msgspec.structs.replace(journal.plan, windows=windows))


def _for(window: Window, conditions: Conditions) -> Conditions:
    """Nothing is compared with before in the window before."""
    return tuple(c for c in conditions if window.phase != "before" or c.tolerance is None)
