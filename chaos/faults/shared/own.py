"""Taking back a disturbance of the user's own, which only their `check` knows."""

from __future__ import annotations

from collections.abc import Callable

from chaos.errors import RevertFailed, Unavailable


def take_back(undo: Callable[[], str], in_place: Callable[[], bool], *, kind: str, passes: str, by_hand: str) -> None:
    """Call `undo`, which answers what was wrong with it, and believe `in_place` alone. `passes` is what an undo that
    did nothing looks like, `by_hand` what a person does then. Raises: RevertFailed."""
    try:
        why = undo()
    except Unavailable as cause:
        why = str(cause)
    try:
        left = in_place()
    except Unavailable as cause:
        left, why = True, f"{why}; {cause}" if why else str(cause)
    if left:
        raise RevertFailed(f"{kind}: the fault may still be in place: {why or passes}. Undo it by hand{by_hand}")
