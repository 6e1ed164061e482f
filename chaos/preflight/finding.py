"""One check's answer, and what becomes of a run when it is a problem."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from chaos.errors import Refused, Unavailable
from chaos.model.base import Noun


class Level(StrEnum):
    OK = "ok"
    WARNING = "warning"  # also what could not be looked at: only what was looked at is ok
    PROBLEM = "problem"


class Finding(Noun):
    """`text` is what was seen, `remedy` what a person does about it. `not_now` marks a problem that somebody ends, such
    as a leftover fault: a run is refused for now (75). Any other one is something that is not available (69)."""

    check: str
    level: Level
    text: str
    remedy: str = ""
    not_now: bool = False

    def __str__(self) -> str:
        return f"{self.check}: {self.text}" + (f"; {self.remedy}" if self.remedy else "")


def ok(check: str, text: str) -> Finding:
    return Finding(check=check, level=Level.OK, text=text)


def warning(check: str, text: str, remedy: str = "") -> Finding:
    return Finding(check=check, level=Level.WARNING, text=text, remedy=remedy)


def problem(check: str, text: str, remedy: str = "", *, not_now: bool = False) -> Finding:
    return Finding(check=check, level=Level.PROBLEM, text=text, remedy=remedy, not_now=not_now)


def refuse(findings: Iterable[Finding]) -> None:
    """Raises: Unavailable or Refused for the first problem, on one line. Warnings are the doctor's."""
    problems = [finding for finding in findings if finding.level is Level.PROBLEM]
    if problems:
        more = f" (and {len(problems) - 1} more: saleproof doctor)" if len(problems) > 1 else ""
        kind = Refused if problems[0].not_now else Unavailable
        raise kind(f"{problems[0]}{more}")
