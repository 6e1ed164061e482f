"""A halt: somebody wants no run to go on, and none to begin."""

from __future__ import annotations

from chaos.model.base import Noun

# More than this of what somebody else wrote is not a reason.
REASON_CHARACTERS = 300


class Halt(Noun):
    """Who pressed the button, when (UTC, ISO 8601), and why."""

    by: str
    since: str = ""
    reason: str = ""

    def __str__(self) -> str:
        since = f" since {self.since}" if self.since else ""
        return f"halted by {self.by}{since}" + (f": {self.reason}" if self.reason else "")


def clean(text: str) -> str:
    """One printable line: what somebody wrote is shown on terminals."""
    words = "".join(c if c.isprintable() else " " for c in text).split()
    return " ".join(words)[:REASON_CHARACTERS]
